/* A crash at any moment leaves the old checkpoint or the new one.  One write is recorded; then every state is made
 * in which a file system may leave the disk after each of its steps, and read.
 *
 * What is legal: a name (added, changed, removed) is on the disk for sure only after an fsync of its folder; until
 * then each name is there in any of the states that it has had since, independently of every other, so that a
 * rename may be half done either way.  The bytes of a file are there for sure only after its own fsync; until then
 * there are all, none, half of them, or zeros. */
#include "checkpoint_world.h"

TestSuite(checkpoint_crash, .init = begin, .fini = end);

#define NAMES_MAX 24
#define STATES_MAX 12 /* of a name */
#define FILES_MAX 24
#define LENGTH_MAX 4096

enum { NO_FILE = -1, A_FOLDER = -2 };
enum { ALL, NONE, HALF, ZEROS, VARIANTS };

/* A name below the run directory and what it has stood for, oldest first. */
struct name {
    char path[IO_PATH];
    int file[STATES_MAX];
    size_t n_states;
    size_t sure; /* states before this one can no longer be on the disk */
};

struct content {
    unsigned char bytes[LENGTH_MAX];
    size_t n_bytes;
    bool is_sure;
};

/* The disk as far as it is known. */
static struct {
    struct name name[NAMES_MAX];
    size_t n_names;
    struct content file[FILES_MAX];
    size_t n_files;
} disk;

static char copy[80]; /* where states are made */
static size_t n_states_made;

static struct name *name_for(const char *path)
{
    const char *below = path + strlen(folder) + 1;
    for (size_t i = 0; i < disk.n_names; i++)
        if (strcmp(disk.name[i].path, below) == 0) return &disk.name[i];
    cr_assert_lt(disk.n_names, NAMES_MAX);
    struct name *name = &disk.name[disk.n_names++];
    *name = (struct name){.file = {NO_FILE}, .n_states = 1};
    (void)snprintf(name->path, sizeof name->path, "%s", below);
    return name;
}

static int now(const struct name *name)
{
    return name->file[name->n_states - 1];
}

static void become(struct name *name, int file)
{
    cr_assert_lt(name->n_states, STATES_MAX);
    name->file[name->n_states++] = file;
}

static struct content *content_of(const char *path)
{
    const int file = now(name_for(path));
    cr_assert_geq(file, 0);
    return &disk.file[file];
}

/* The names in a folder are on the disk as they are now. */
static void make_sure(const char *path)
{
    const char *below = strlen(path) > strlen(folder) ? path + strlen(folder) + 1 : "";
    const size_t length = strlen(below);
    for (size_t i = 0; i < disk.n_names; i++) {
        const char *rest = disk.name[i].path;
        if (length && (strncmp(rest, below, length) != 0 || rest[length] != '/')) continue;
        if (!strchr(rest + length + (length ? 1 : 0), '/'))
            disk.name[i].sure = disk.name[i].n_states - 1;
    }
}

static bool is_folder(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static void take_step(const struct io_done *done)
{
    if (done->call == IO_CREATE) {
        cr_assert_lt(disk.n_files, FILES_MAX);
        disk.file[disk.n_files] = (struct content){.n_bytes = 0};
        become(name_for(done->path), (int)disk.n_files++);
    } else if (done->call == IO_WRITE) {
        struct content *content = content_of(done->path);
        cr_assert_leq(content->n_bytes + done->n_bytes, LENGTH_MAX);
        memcpy(content->bytes + content->n_bytes, done->bytes, done->n_bytes);
        content->n_bytes += done->n_bytes;
    } else if (done->call == IO_FSYNC && (is_folder(done->path) || strcmp(done->path, folder) == 0)) {
        make_sure(done->path);
    } else if (done->call == IO_FSYNC) {
        content_of(done->path)->is_sure = true;
    } else if (done->call == IO_RENAME) {
        const int file = now(name_for(done->path));
        become(name_for(done->to), file);
        become(name_for(done->path), NO_FILE);
    } else if (done->call == IO_UNLINK) {
        become(name_for(done->path), NO_FILE);
    } else if (done->call == IO_MKDIR) {
        become(name_for(done->path), A_FOLDER);
    }
}

/* --- states ---------------------------------------------------------------------------------- */

static void put_file(const char *path, const struct content *content, unsigned variant)
{
    static const unsigned char zeros[LENGTH_MAX];
    const size_t n = variant == NONE   ? 0
                     : variant == HALF ? content->n_bytes / 2
                                       : content->n_bytes;
    FILE *file = fopen(path, "wb");
    if (!file) return; /* its folder is not on the disk */
    cr_assert_eq(fwrite(variant == ZEROS ? zeros : content->bytes, 1, n, file), n);
    cr_assert_eq(fclose(file), 0);
}

/* Number `state` of all legal ones; false when there are not so many. */
static bool make_state(size_t state)
{
    struct strata_err err = {0};
    unsigned variant[FILES_MAX] = {0};
    size_t rest = state;
    for (size_t i = 0; i < disk.n_files; i++) {
        if (disk.file[i].is_sure) continue;
        variant[i] = (unsigned)(rest % VARIANTS);
        rest /= VARIANTS;
    }
    cr_assert_eq(strata_directory_remove(copy, &err), STRATA_OK, "%s", err.text);
    cr_assert_eq(mkdir(copy, 0700), 0);
    for (size_t i = 0; i < disk.n_names; i++) { /* folders come before what is in them */
        const struct name *name = &disk.name[i];
        const size_t n = name->n_states - name->sure;
        const int file = name->file[name->sure + rest % n];
        const char *path = strata_path_join(copy, name->path, &arena);
        rest /= n;
        if (file == A_FOLDER)
            (void)!mkdir(path, 0700); /* nor is there one whose own folder is missing */
        if (file >= 0) put_file(path, &disk.file[file], variant[file]);
    }
    return rest == 0;
}

/* What a start after the crash does: it finds the old generation or the new one, and goes on. */
static uint64_t recover(uint64_t old, uint64_t new, size_t step)
{
    struct strata_err err = {0};
    struct strata_attempt later;
    cr_assert_eq(strata_attempt_begin(copy, &later, &err), STRATA_OK, "%s", err.text);
    const uint64_t found = read_generation(copy);
    cr_assert(found == old || found == new, "step %zu: generation %llu", step,
              (unsigned long long)found);
    cr_assert_eq(write_as(&later, new + 1, &err), STRATA_OK, "%s", err.text);
    cr_assert_eq(read_generation(copy), new + 1);
    return found;
}

static void all_states(uint64_t old, uint64_t new, size_t step, bool is_done)
{
    const struct strata_arena before = arena;
    for (size_t state = 0; make_state(state); state++) {
        const uint64_t found = recover(old, new, step);
        if (is_done) cr_assert_eq(found, new, "it was told that it is durable");
        n_states_made++;
        arena = before;
    }
}

/* Everything that is there now is on the disk for sure. */
static void know(const char *below)
{
    const char *path = strata_path_join(folder, below, &arena);
    DIR *entries = opendir(path);
    cr_assert_not_null(entries);
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        const char *name = strata_path_join(below, entry->d_name, &arena);
        const char *full = strata_path_join(folder, name, &arena);
        struct name *known = name_for(full);
        known->n_states = 0;
        become(known, entry->d_type == DT_DIR ? A_FOLDER : (int)disk.n_files);
        if (entry->d_type == DT_DIR) {
            know(name);
            continue;
        }
        char *bytes = NULL;
        struct strata_err err = {0};
        struct content *content = &disk.file[disk.n_files++];
        cr_assert_eq(strata_file_read(full, LENGTH_MAX, &arena, &bytes, &content->n_bytes, &err),
                     STRATA_OK, "%s", err.text);
        memcpy(content->bytes, bytes, content->n_bytes);
        content->is_sure = true;
    }
    (void)closedir(entries);
}

/* Generation `new` is written on top of what is there; old is what was there, 0 for none. */
static void crash_everywhere(uint64_t old, uint64_t new)
{
    know("");
    io.records = true;
    write_well(new);
    io.records = false;
    const size_t n = io.n;
    (void)snprintf(copy, sizeof copy, "%s-copy", folder);
    all_states(old, new, 0, false);
    for (size_t step = 0; step < n; step++) {
        take_step(&io.done[step]);
        all_states(old, new, step + 1, step + 1 == n);
    }
    struct strata_err err = {0};
    cr_assert_eq(strata_directory_remove(copy, &err), STRATA_OK);
    cr_assert_gt(n_states_made, n);
}

Test(checkpoint_crash, the_first_one_is_there_or_not)
{
    crash_everywhere(0, 1);
}

Test(checkpoint_crash, of_two_and_a_third_that_takes_the_firsts_place_one_is_whole)
{
    write_well(1);
    write_well(2);
    crash_everywhere(2, 3);
}
