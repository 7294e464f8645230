/* Checkpoints on disk: writing one, choosing one to read, keeping two. */
#include "strata/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_STATIC_LINKING_ONLY /* the state on the stack */
#include <xxhash.h>

#include "checkpoint_format.h"
#include "strata/fault.h"
#include "strata/file.h"
#include "strata/hash.h"

#define FOLDER "checkpoints"
#define FILES_MAX 64 /* of checkpoints that are looked at: two are kept, and one is in between */
#define NAME_MAX_BYTES 64
#define GENERATION_MAX 999999999999u
#define VERIFY_BYTES (STRATA_CHECKPOINT_BYTES_MAX + ((size_t)1 << 20)) /* addresses, not memory */

/* --- names ----------------------------------------------------------------------------------- */

/* "AAAAAA-GGGGGGGGGGGG.checkpoint": sorted by name, they are sorted by attempt and generation. */
struct file_name {
    char text[NAME_MAX_BYTES];
};

static struct file_name name_of(uint32_t attempt, uint64_t generation)
{
    struct file_name name;
    (void)snprintf(name.text, sizeof name.text, "%06" PRIu32 "-%012" PRIu64 ".checkpoint", attempt,
                   generation);
    return name;
}

/* Whether the text is such a name, which `name` then receives. */
static bool read_name(const char *text, struct file_name *name)
{
    uint32_t attempt = 0;
    uint64_t generation = 0;
    if (sscanf(text, "%6" SCNu32 "-%12" SCNu64 ".", &attempt, &generation) != 2) return false;
    *name = name_of(attempt, generation);
    return strcmp(name->text, text) == 0;
}

static int newest_first(const void *a, const void *b)
{
    return strcmp(((const struct file_name *)b)->text, ((const struct file_name *)a)->text);
}

/* The names of the checkpoints of a run directory, newest first; none when there is no folder. */
static strata_status list(const char *directory, struct file_name name[FILES_MAX], size_t *n,
                          struct strata_err *err)
{
    char folder[STRATA_ATTEMPT_PATH_MAX];
    *n = 0;
    const int length = snprintf(folder, sizeof folder, "%s/" FOLDER, directory);
    if (length < 0 || (size_t)length >= sizeof folder)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: the path is too long", directory);
    DIR *entries = opendir(folder);
    if (!entries && errno == ENOENT) return STRATA_OK;
    if (!entries)
        return STRATA_FAIL(err, STRATA_E_IO, "%s: cannot list: %s", folder, strerror(errno));
    for (struct dirent *entry; (entry = readdir(entries));) {
        struct file_name seen;
        if (!read_name(entry->d_name, &seen)) continue;
        if (*n == FILES_MAX) { /* somebody put them there: the oldest of them is left out */
            qsort(name, *n, sizeof *name, newest_first);
            (*n)--;
        }
        name[(*n)++] = seen;
    }
    (void)closedir(entries);
    qsort(name, *n, sizeof *name, newest_first);
    return STRATA_OK;
}

/* --- writing --------------------------------------------------------------------------------- */

/* What is in a file beside the sections' own bytes. */
struct frame {
    struct checkpoint_head head;
    struct checkpoint_entry entry[STRATA_CHECKPOINT_SECTIONS_MAX];
    struct checkpoint_seal seal;
};

static bool is_fit_name(const struct strata_section *section, size_t at)
{
    const size_t length = strnlen(section[at].name, STRATA_SECTION_NAME_MAX + 1);
    if (length == 0 || length > STRATA_SECTION_NAME_MAX) return false;
    for (size_t i = 0; i < at; i++)
        if (strcmp(section[i].name, section[at].name) == 0) return false;
    return true;
}

/* Bytes of the file; 0 when it would be too many. */
static size_t file_bytes(const struct strata_section *section, size_t n_sections)
{
    size_t n = sizeof(struct checkpoint_head) + n_sections * sizeof(struct checkpoint_entry) +
               sizeof(struct checkpoint_seal);
    for (size_t i = 0; i < n_sections; i++) {
        if (section[i].n_bytes > STRATA_CHECKPOINT_BYTES_MAX - n) return 0;
        n += section[i].n_bytes + checkpoint_fill(section[i].n_bytes);
    }
    return n <= STRATA_CHECKPOINT_BYTES_MAX ? n : 0;
}

static strata_status check(const struct strata_section *section, size_t n_sections,
                           struct strata_err *err)
{
    if (n_sections > STRATA_CHECKPOINT_SECTIONS_MAX)
        return STRATA_FAIL(err, STRATA_E_DATA, "a checkpoint of %zu sections; %d are possible",
                           n_sections, STRATA_CHECKPOINT_SECTIONS_MAX);
    for (size_t i = 0; i < n_sections; i++)
        if (!is_fit_name(section, i))
            return STRATA_FAIL(err, STRATA_E_DATA, "section %zu of a checkpoint has no fit name",
                               i + 1);
    if (file_bytes(section, n_sections) == 0)
        return STRATA_FAIL(err, STRATA_E_DATA, "a checkpoint of more than %zu bytes",
                           STRATA_CHECKPOINT_BYTES_MAX);
    return STRATA_OK;
}

static void fill_frame(uint32_t attempt, uint64_t generation, const struct strata_section *section,
                       size_t n_sections, struct frame *frame)
{
    memset(frame, 0, sizeof *frame);
    struct checkpoint_head *head = &frame->head;
    memcpy(head->magic, CHECKPOINT_MAGIC, sizeof head->magic);
    head->version = CHECKPOINT_VERSION;
    head->attempt = attempt;
    head->generation = generation;
    head->n_bytes = file_bytes(section, n_sections);
    head->n_sections = (uint32_t)n_sections;
    head->checksum = strata_hash(head, offsetof(struct checkpoint_head, checksum));
    for (size_t i = 0; i < n_sections; i++) {
        struct checkpoint_entry *entry = &frame->entry[i];
        memcpy(entry->name, section[i].name, strlen(section[i].name));
        entry->n_bytes = section[i].n_bytes;
        entry->checksum = checkpoint_entry_checksum(entry, section[i].bytes);
    }
    memcpy(frame->seal.mark, CHECKPOINT_MARK, sizeof frame->seal.mark);
}

/* The file's pieces in order; the seal's checksum is of all before it. */
static size_t cut_pieces(const struct strata_section *section, size_t n_sections,
                         struct frame *frame, struct strata_piece *piece)
{
    static const unsigned char zeros[CHECKPOINT_ALIGNMENT];
    size_t n = 0;
    piece[n++] = (struct strata_piece){&frame->head, sizeof frame->head};
    piece[n++] = (struct strata_piece){frame->entry, n_sections * sizeof *frame->entry};
    for (size_t i = 0; i < n_sections; i++) {
        piece[n++] = (struct strata_piece){section[i].bytes, section[i].n_bytes};
        piece[n++] = (struct strata_piece){zeros, checkpoint_fill(section[i].n_bytes)};
    }
    XXH3_state_t state;
    (void)XXH3_64bits_reset(&state); /* these fail for no state only */
    for (size_t i = 0; i < n; i++)
        if (piece[i].n_bytes) (void)XXH3_64bits_update(&state, piece[i].bytes, piece[i].n_bytes);
    frame->seal.checksum = XXH3_64bits_digest(&state);
    piece[n++] = (struct strata_piece){&frame->seal, sizeof frame->seal};
    return n;
}

strata_status checkpoint_file_make(const char *path, uint32_t attempt, uint64_t generation,
                                   const struct strata_section *section, size_t n_sections,
                                   struct strata_err *err)
{
    struct frame frame;
    struct strata_piece piece[3 + 2 * STRATA_CHECKPOINT_SECTIONS_MAX];
    STRATA_TRY(check(section, n_sections, err));
    fill_frame(attempt, generation, section, n_sections, &frame);
    const size_t n = cut_pieces(section, n_sections, &frame, piece);
    return strata_file_make(path, piece, n, true, err);
}

static strata_status make_folder(const char *directory, char folder[STRATA_ATTEMPT_PATH_MAX],
                                 struct strata_err *err)
{
    const int length = snprintf(folder, STRATA_ATTEMPT_PATH_MAX, "%s/" FOLDER, directory);
    if (length < 0 || length >= STRATA_ATTEMPT_PATH_MAX)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: the path is too long", directory);
    bool made = false;
    STRATA_TRY(strata_directory_make_private(folder, &made, err));
    return made ? strata_directory_sync(directory, err) : STRATA_OK;
}

/* The file in the tray gets its name. */
static strata_status place(const struct strata_attempt *attempt, const char *name,
                           struct strata_err *err)
{
    char folder[STRATA_ATTEMPT_PATH_MAX], target[NAME_MAX_BYTES + sizeof FOLDER];
    STRATA_TRY(make_folder(attempt->directory, folder, err));
    (void)snprintf(target, sizeof target, FOLDER "/%s", name);
    STRATA_FAULT("checkpoint.place.before");
    STRATA_TRY(strata_attempt_place(attempt, name, target, err));
    STRATA_FAULT("checkpoint.place.after");
    return strata_directory_sync(folder, err);
}

/* --- reading --------------------------------------------------------------------------------- */

/* One file, whole and unharmed, or the sentence that says what it is not. */
static strata_status read_file(const char *directory, const char *name, struct strata_arena *keep,
                               struct strata_checkpoint *out, struct strata_err *err)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    const char *path = strata_arena_print(keep, "%s/" FOLDER "/%s", directory, name);
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the path of a checkpoint");
    if (!strata_arena_take(keep, CHECKPOINT_ALIGNMENT, CHECKPOINT_ALIGNMENT,
                           1)) /* what follows is aligned */
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for %s", path);
    STRATA_TRY(strata_file_read(path, STRATA_CHECKPOINT_BYTES_MAX, keep, &bytes, &n_bytes, err));
    STRATA_TRY(strata_checkpoint_parse(path, bytes, n_bytes, keep, out, err));
    if (strcmp(name_of(out->attempt, out->generation).text, name) == 0) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_DATA, "%s is not the checkpoint that its name says", path);
}

static bool is_whole(const char *directory, const char *name, struct strata_arena scratch)
{
    struct strata_checkpoint seen = {0};
    struct strata_err ignored = {0};
    return read_file(directory, name, &scratch, &seen, &ignored) == STRATA_OK;
}

/* Remove all but `newest` and the newest whole one before it.  What cannot be removed now is after the next. */
static void prune(const struct strata_attempt *attempt, const char *newest)
{
    struct file_name name[FILES_MAX];
    struct strata_arena memory = {0};
    struct strata_err ignored = {0};
    size_t n = 0;
    bool has_previous = false;
    if (list(attempt->directory, name, &n, &ignored) != STRATA_OK) return;
    if (!strata_arena_init(&memory, VERIFY_BYTES)) return;
    for (size_t i = 0; i < n; i++) {
        char path[NAME_MAX_BYTES + sizeof FOLDER];
        if (strcmp(name[i].text, newest) >= 0) continue;
        if (!has_previous && is_whole(attempt->directory, name[i].text, memory)) {
            has_previous = true;
            continue;
        }
        (void)snprintf(path, sizeof path, FOLDER "/%s", name[i].text);
        if (strata_attempt_withdraw(attempt, path, &ignored) != STRATA_OK) break;
    }
    strata_arena_finish(&memory);
}

strata_status strata_checkpoint_write(const struct strata_attempt *attempt, uint64_t generation,
                                      const struct strata_section *section, size_t n_sections,
                                      struct strata_err *err)
{
    char path[STRATA_ATTEMPT_PATH_MAX];
    STRATA_REQUIRE(generation > 0 && generation <= GENERATION_MAX);
    const struct file_name name = name_of(attempt->number, generation);
    const int length = snprintf(path, sizeof path, "%s/%s", attempt->tray, name.text);
    if (length < 0 || (size_t)length >= sizeof path)
        return STRATA_FAIL(err, STRATA_E_CREATE, "%s: the path is too long", attempt->tray);
    STRATA_FAULT("checkpoint.write.before");
    struct strata_err seen = {0};
    strata_status status =
        checkpoint_file_make(path, attempt->number, generation, section, n_sections, &seen);
    if (status == STRATA_OK) status = place(attempt, name.text, &seen);
    if (status != STRATA_OK) {
        strata_file_drop(path);
        return strata_attempt_failed(attempt, status, &seen, err);
    }
    STRATA_FAULT("checkpoint.prune.before");
    prune(attempt, name.text);
    STRATA_FAULT("checkpoint.write.after");
    return STRATA_OK;
}

strata_status strata_checkpoint_read(const char *directory, struct strata_arena *keep,
                                     struct strata_checkpoint *out, struct strata_err *err)
{
    struct file_name name[FILES_MAX];
    size_t n = 0;
    *out = (struct strata_checkpoint){0};
    STRATA_TRY(list(directory, name, &n, err));
    const char **damage = STRATA_NEW(keep, const char *, n + 1);
    if (!damage) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for reading checkpoints");
    for (size_t i = 0; i < n; i++) {
        const struct strata_arena before = *keep;
        struct strata_err seen = {0};
        strata_status status = read_file(directory, name[i].text, keep, out, &seen);
        const size_t n_damage = status == STRATA_OK ? i : i + 1;
        if (status != STRATA_OK) {
            *keep = before; /* its bytes are forgotten */
            damage[i] = strata_arena_copy(keep, seen.text, strlen(seen.text));
            *out = (struct strata_checkpoint){0};
            if (!damage[i]) status = STRATA_E_MEMORY;
        }
        out->damage = damage;
        out->n_damage = n_damage;
        if (status == STRATA_OK) return STRATA_OK;
        if (status == STRATA_E_MEMORY || status == STRATA_E_UNAVAILABLE)
            return STRATA_FAIL(err, status, "%s", seen.text);
    }
    if (n == 0) return STRATA_FAIL(err, STRATA_E_NO_INPUT, "%s holds no checkpoint", directory);
    return STRATA_FAIL(err, STRATA_E_DATA, "%s; no other checkpoint is whole", damage[0]);
}

strata_status strata_checkpoint_remove(const struct strata_attempt *attempt, struct strata_err *err)
{
    struct file_name name[FILES_MAX];
    size_t n = 0;
    do {
        STRATA_TRY(list(attempt->directory, name, &n, err));
        for (size_t i = 0; i < n; i++) {
            char path[NAME_MAX_BYTES + sizeof FOLDER];
            (void)snprintf(path, sizeof path, FOLDER "/%s", name[i].text);
            STRATA_TRY(strata_attempt_withdraw(attempt, path, err));
        }
    } while (n == FILES_MAX);
    return STRATA_OK;
}
