/* Any bytes as a checkpoint file: refused with the file's name, or sections that lie within the bytes and do not overlap.
 * As no fuzzer guesses a checksum, the bytes are tried a second time with all of them made right. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "results/checkpoint_format.h"
#include "strata/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void parse(const unsigned char *bytes, size_t n_bytes, struct strata_arena scratch)
{
    struct strata_checkpoint out = {0};
    struct strata_err err = {0};
    const strata_status status =
        strata_checkpoint_parse("the file", bytes, n_bytes, &scratch, &out, &err);
    if (status != STRATA_OK) {
        if (!strstr(err.text, "the file")) abort();
        return;
    }
    const unsigned char *from = bytes;
    for (size_t i = 0; i < out.n_sections; i++) {
        const unsigned char *section = out.section[i].bytes;
        if (strlen(out.section[i].name) > STRATA_SECTION_NAME_MAX) abort();
        if (!section) continue;
        if (section < from || section + out.section[i].n_bytes > bytes + n_bytes) abort();
        from = section + out.section[i].n_bytes;
    }
}

/* The checksums that these bytes should have, as far as they reach. */
static void mend(unsigned char *bytes, size_t n_bytes)
{
    struct checkpoint_head head;
    if (n_bytes < sizeof head) return;
    memcpy(&head, bytes, sizeof head);
    memcpy(head.magic, CHECKPOINT_MAGIC, sizeof head.magic);
    head.version = CHECKPOINT_VERSION;
    head.n_bytes = n_bytes;
    head.n_sections %= 8;
    head.checksum = strata_hash(&head, offsetof(struct checkpoint_head, checksum));
    memcpy(bytes, &head, sizeof head);
    size_t at = sizeof head + head.n_sections * sizeof(struct checkpoint_entry);
    for (size_t i = 0; i < head.n_sections && at <= n_bytes; i++) {
        struct checkpoint_entry *entry =
            (struct checkpoint_entry *)(void *)(bytes + sizeof head) + i;
        if (entry->n_bytes > n_bytes - at) return;
        entry->checksum = checkpoint_entry_checksum(entry, bytes + at);
        at += entry->n_bytes + checkpoint_fill(entry->n_bytes);
    }
    if (at > n_bytes || n_bytes - at < sizeof(struct checkpoint_seal)) return;
    struct checkpoint_seal *seal = (struct checkpoint_seal *)(void *)(bytes + at);
    memcpy(seal->mark, CHECKPOINT_MARK, sizeof seal->mark);
    seal->checksum = strata_hash(bytes, at);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct strata_arena memory;
    if (!strata_arena_init(&memory, (size_t)1 << 28)) abort();
    unsigned char *copy = strata_arena_take(&memory, 64, 64, n_bytes / 64 + 1);
    if (!copy) abort();
    if (n_bytes) memcpy(copy, bytes, n_bytes);
    parse(copy, n_bytes, memory);
    mend(copy, n_bytes);
    parse(copy, n_bytes, memory);
    strata_arena_finish(&memory);
    return 0;
}
