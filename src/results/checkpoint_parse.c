/* A checkpoint's bytes back to its sections, whatever the bytes are. */
#include <ctype.h>
#include <string.h>
#include <xxhash.h>

#include "checkpoint_format.h"
#include "strata/hash.h"

/* A file on its way: what is before `at` has been checked. */
struct reading {
    const char *path;
    const unsigned char *bytes;
    size_t n_bytes, at;
    struct checkpoint_head head;
};

/* A name as it may be told, also when it is damaged. */
struct told {
    char text[STRATA_SECTION_NAME_MAX + 1];
};

static struct told tell(const struct checkpoint_entry *entry)
{
    struct told told = {{0}};
    for (size_t i = 0; i < STRATA_SECTION_NAME_MAX && entry->name[i]; i++)
        told.text[i] = isprint((unsigned char)entry->name[i]) ? entry->name[i] : '?';
    return told;
}

uint64_t checkpoint_entry_checksum(const struct checkpoint_entry *entry, const void *bytes)
{
    const uint64_t of_entry = strata_hash(entry, offsetof(struct checkpoint_entry, checksum));
    return XXH3_64bits_withSeed(bytes, (size_t)entry->n_bytes, of_entry);
}

static strata_status read_head(struct reading *reading, struct strata_err *err)
{
    struct checkpoint_head *head = &reading->head;
    if (reading->n_bytes < sizeof *head)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s is damaged: it is cut off in its head",
                           reading->path);
    memcpy(head, reading->bytes, sizeof *head);
    if (memcmp(head->magic, CHECKPOINT_MAGIC, sizeof head->magic) != 0 ||
        head->checksum != strata_hash(head, offsetof(struct checkpoint_head, checksum)))
        return STRATA_FAIL(err, STRATA_E_DATA, "%s is damaged in its head", reading->path);
    if (head->version > CHECKPOINT_VERSION)
        return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                           "%s has format version %u and this program reads up to %u: use a newer "
                           "strata, or --fresh",
                           reading->path, head->version, CHECKPOINT_VERSION);
    const uint64_t n_max =
        (reading->n_bytes - sizeof *head) / sizeof(struct checkpoint_entry); /* that may be here */
    if (head->n_sections > STRATA_CHECKPOINT_SECTIONS_MAX || head->n_sections > n_max)
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "%s is damaged: it is cut off in its list of sections", reading->path);
    reading->at = sizeof *head + head->n_sections * sizeof(struct checkpoint_entry);
    return STRATA_OK;
}

static bool is_fit_name(const struct checkpoint_entry *entry)
{
    const size_t length = strnlen(entry->name, sizeof entry->name);
    for (size_t i = length; i < sizeof entry->name; i++)
        if (entry->name[i]) return false;
    return length > 0 && length < sizeof entry->name;
}

static bool is_zero(const unsigned char *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        if (bytes[i]) return false;
    return true;
}

static strata_status read_section(struct reading *reading, size_t i, struct strata_section *out,
                                  struct strata_err *err)
{
    const struct checkpoint_entry *entry =
        (const void *)(reading->bytes + sizeof reading->head + i * sizeof *entry);
    const size_t room = reading->n_bytes - reading->at;
    const size_t n_bytes = entry->n_bytes < room ? (size_t)entry->n_bytes : room;
    if (entry->n_bytes > room || checkpoint_fill(n_bytes) > room - n_bytes)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s is damaged: it is cut off in section %zu \"%s\"",
                           reading->path, i + 1, tell(entry).text);
    const unsigned char *bytes = reading->bytes + reading->at;
    if (entry->checksum != checkpoint_entry_checksum(entry, bytes) || !is_fit_name(entry) ||
        !is_zero(bytes + n_bytes, checkpoint_fill(n_bytes)))
        return STRATA_FAIL(err, STRATA_E_DATA, "%s is damaged in section %zu \"%s\"", reading->path,
                           i + 1, tell(entry).text);
    *out = (struct strata_section){entry->name, n_bytes ? bytes : NULL, n_bytes};
    reading->at += n_bytes + checkpoint_fill(n_bytes);
    return STRATA_OK;
}

static strata_status read_seal(const struct reading *reading, struct strata_err *err)
{
    struct checkpoint_seal seal;
    if (reading->n_bytes - reading->at < sizeof seal)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s is damaged: it is cut off before its seal",
                           reading->path);
    memcpy(&seal, reading->bytes + reading->at, sizeof seal);
    if (reading->n_bytes != reading->at + sizeof seal || reading->n_bytes != reading->head.n_bytes)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s is damaged: its length is not what it says",
                           reading->path);
    if (memcmp(seal.mark, CHECKPOINT_MARK, sizeof seal.mark) != 0 ||
        seal.checksum != strata_hash(reading->bytes, reading->at))
        return STRATA_FAIL(err, STRATA_E_DATA, "%s is damaged in its seal", reading->path);
    return STRATA_OK;
}

strata_status strata_checkpoint_parse(const char *path, const void *bytes, size_t n_bytes,
                                      struct strata_arena *keep, struct strata_checkpoint *out,
                                      struct strata_err *err)
{
    struct reading reading = {.path = path, .bytes = bytes, .n_bytes = n_bytes};
    STRATA_REQUIRE((uintptr_t)bytes % CHECKPOINT_ALIGNMENT == 0);
    STRATA_TRY(read_head(&reading, err));
    struct strata_section *section =
        STRATA_NEW(keep, struct strata_section, reading.head.n_sections + 1);
    if (!section) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the sections of %s", path);
    for (size_t i = 0; i < reading.head.n_sections; i++)
        STRATA_TRY(read_section(&reading, i, &section[i], err));
    STRATA_TRY(read_seal(&reading, err));
    *out = (struct strata_checkpoint){.attempt = reading.head.attempt,
                                      .generation = reading.head.generation,
                                      .path = path,
                                      .section = section,
                                      .n_sections = reading.head.n_sections};
    return STRATA_OK;
}

const struct strata_section *strata_checkpoint_section(const struct strata_checkpoint *checkpoint,
                                                       const char *name)
{
    for (size_t i = 0; i < checkpoint->n_sections; i++)
        if (strcmp(checkpoint->section[i].name, name) == 0) return &checkpoint->section[i];
    return NULL;
}
