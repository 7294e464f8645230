/* A run directory with checkpoints in it, for tests of those. */
#ifndef STRATA_TESTS_CHECKPOINT_WORLD_H
#define STRATA_TESTS_CHECKPOINT_WORLD_H

#include <criterion/criterion.h>
#include <dirent.h>

#include "io_record.h"
#include "strata/checkpoint.h"
#include "strata/file.h"

static struct strata_arena arena;
static char folder[64];
static struct strata_attempt attempt;

static void begin(void)
{
    struct strata_err err = {0};
    io_reset();
    io.skips_fsync = true; /* no test cuts the power */
    cr_assert(strata_arena_init(&arena, (size_t)1 << 32));
    (void)snprintf(folder, sizeof folder, "/tmp/strata-checkpoint-XXXXXX");
    cr_assert(mkdtemp(folder));
    cr_assert_eq(strata_attempt_begin(folder, &attempt, &err), STRATA_OK, "%s", err.text);
}

static void end(void)
{
    struct strata_err err = {0};
    io_reset();
    cr_assert_eq(strata_directory_remove(folder, &err), STRATA_OK);
    strata_arena_finish(&arena);
}

/* Sections whose bytes tell the generation: a short one, an empty one, and one that fills two lines. */
struct state {
    uint64_t generation;
    unsigned char centres[100];
    struct strata_section section[3];
};

static void state_make(struct state *state, uint64_t generation)
{
    state->generation = generation;
    for (size_t i = 0; i < sizeof state->centres; i++)
        state->centres[i] = (unsigned char)(generation * 31 + i);
    state->section[0] = (struct strata_section){"counters", &state->generation, 8};
    state->section[1] = (struct strata_section){"commands", NULL, 0};
    state->section[2] = (struct strata_section){"centres", state->centres, sizeof state->centres};
}

static strata_status write_as(const struct strata_attempt *as, uint64_t generation,
                              struct strata_err *err)
{
    struct state state;
    state_make(&state, generation);
    return strata_checkpoint_write(as, generation, state.section, 3, err);
}

static inline void write_well(uint64_t generation)
{
    struct strata_err err = {0};
    cr_assert_eq(write_as(&attempt, generation, &err), STRATA_OK, "%s", err.text);
}

/* Whether it is what write_as has written, to the last byte. */
static bool is_right(const struct strata_checkpoint *checkpoint)
{
    struct state state;
    state_make(&state, checkpoint->generation);
    if (checkpoint->n_sections != 3) return false;
    for (size_t i = 0; i < 3; i++) {
        const struct strata_section *seen = &checkpoint->section[i], *meant = &state.section[i];
        if (strcmp(seen->name, meant->name) != 0 || seen->n_bytes != meant->n_bytes) return false;
        if (meant->n_bytes && memcmp(seen->bytes, meant->bytes, meant->n_bytes) != 0) return false;
    }
    return true;
}

/* The generation that is read, 0 when there is none; anything else fails the test. */
static inline uint64_t read_generation(const char *directory)
{
    struct strata_arena scratch = arena;
    struct strata_checkpoint checkpoint = {0};
    struct strata_err err = {0};
    const strata_status status = strata_checkpoint_read(directory, &scratch, &checkpoint, &err);
    if (status == STRATA_E_NO_INPUT) return 0;
    cr_assert_eq(status, STRATA_OK, "%s", err.text);
    cr_assert(is_right(&checkpoint));
    return checkpoint.generation;
}

/* Entries of a folder that are no folders. */
static inline size_t count_files(const char *path)
{
    size_t n = 0;
    DIR *entries = opendir(path);
    if (!entries) return 0;
    for (struct dirent *entry; (entry = readdir(entries));) n += entry->d_type == DT_REG;
    (void)closedir(entries);
    return n;
}

#endif
