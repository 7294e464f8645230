/* A checkpoint is whole or named as damaged, and the one before it is used; a call that fails loses nothing. */
#include "checkpoint_world.h"

TestSuite(checkpoint, .init = begin, .fini = end);

static const char *path_of(uint64_t generation)
{
    return strata_arena_print(&arena, "%s/checkpoints/%06u-%012llu.checkpoint", folder,
                              attempt.number, (unsigned long long)generation);
}

static void put(const char *path, const void *bytes, size_t n_bytes)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, n_bytes, file), n_bytes);
    cr_assert_eq(fclose(file), 0);
}

static unsigned char *get(const char *path, size_t *n_bytes)
{
    char *bytes = NULL;
    struct strata_err err = {0};
    cr_assert_eq(strata_file_read(path, 1 << 20, &arena, &bytes, n_bytes, &err), STRATA_OK);
    return (unsigned char *)bytes;
}

Test(checkpoint, what_is_written_is_read_in_order_and_two_generations_stay)
{
    struct strata_checkpoint checkpoint = {0};
    struct strata_err err = {0};
    struct stat facts;
    cr_assert_eq(strata_checkpoint_read(folder, &arena, &checkpoint, &err), STRATA_E_NO_INPUT);
    for (uint64_t generation = 1; generation <= 5; generation++) {
        write_well(generation);
        cr_assert_eq(read_generation(folder), generation);
    }
    cr_assert_eq(strata_checkpoint_read(folder, &arena, &checkpoint, &err), STRATA_OK);
    cr_assert_eq(checkpoint.attempt, 1);
    cr_assert_eq(checkpoint.n_damage, 0);
    cr_assert_eq(count_files(strata_path_join(folder, "checkpoints", &arena)), 2);
    cr_assert_eq(count_files(attempt.tray), 0);
    cr_assert_eq(stat(path_of(5), &facts), 0);
    cr_assert_eq(facts.st_mode & 0777, 0600);
    cr_assert_eq(strata_checkpoint_section(&checkpoint, "centres")->n_bytes, 100);
    cr_assert_null(strata_checkpoint_section(&checkpoint, "labels"));
    for (size_t i = 0; i < checkpoint.n_sections; i++)
        cr_assert_eq((uintptr_t)checkpoint.section[i].bytes % 64, 0);
}

Test(checkpoint, unfit_sections_are_refused_before_a_byte_is_written)
{
    struct strata_section section[2] = {{"same", "x", 1}, {"same", "y", 1}};
    struct strata_err err = {0};
    cr_assert_eq(strata_checkpoint_write(&attempt, 1, section, 2, &err), STRATA_E_DATA);
    section[1].name = "";
    cr_assert_eq(strata_checkpoint_write(&attempt, 1, section, 2, &err), STRATA_E_DATA);
    section[1].name = "a name that is longer than forty-seven letters are";
    cr_assert_eq(strata_checkpoint_write(&attempt, 1, section, 2, &err), STRATA_E_DATA);
    section[1] = (struct strata_section){"large", "x", STRATA_CHECKPOINT_BYTES_MAX};
    cr_assert_eq(strata_checkpoint_write(&attempt, 1, section, 2, &err), STRATA_E_DATA);
    cr_assert_eq(
        strata_checkpoint_write(&attempt, 1, section, STRATA_CHECKPOINT_SECTIONS_MAX + 1, &err),
        STRATA_E_DATA);
    cr_assert_eq(strata_checkpoint_write(&attempt, 1, section, 0, &err), STRATA_OK, "%s", err.text);
    cr_assert_eq(count_files(strata_path_join(folder, "checkpoints", &arena)), 1);
}

/* --- damage ---------------------------------------------------------------------------------- */

/* What the sentence must name when the byte at `at` is not what it was. */
static const char *place_of(size_t at)
{
    static const struct {
        size_t end;
        const char *place;
    } part[] = {{64, "head"},
                {128, "section 1"},
                {192, "section 2"},
                {256, "section 3"},
                {320, "section 1 \"counters\""}, /* the second is empty */
                {448, "section 3 \"centres\""},
                {464, "seal"}};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (at < part[i].end) return part[i].place;
    return "length";
}

/* The newest file is damaged: it is named, and the one before is used. */
static void expect_named(const char *name, const char *place, size_t at)
{
    struct strata_arena scratch = arena;
    struct strata_checkpoint checkpoint = {0};
    struct strata_err err = {0};
    cr_assert_eq(strata_checkpoint_read(folder, &scratch, &checkpoint, &err), STRATA_OK,
                 "byte %zu: %s", at, err.text);
    cr_assert_eq(checkpoint.generation, 1, "byte %zu", at);
    cr_assert(is_right(&checkpoint));
    cr_assert_eq(checkpoint.n_damage, 1);
    cr_assert_not_null(strstr(checkpoint.damage[0], name), "%s", checkpoint.damage[0]);
    cr_assert_not_null(strstr(checkpoint.damage[0], place), "byte %zu: \"%s\" in: %s", at, place,
                       checkpoint.damage[0]);
}

Test(checkpoint, every_flipped_bit_is_noticed_and_file_and_section_are_named)
{
    size_t n = 0;
    write_well(1);
    write_well(2);
    const char *path = path_of(2);
    unsigned char *bytes = get(path, &n);
    cr_assert_eq(n, 464);
    for (size_t at = 0; at < n; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[at] ^= (unsigned char)(1u << bit);
            put(path, bytes, n);
            expect_named(path, place_of(at), at);
            bytes[at] ^= (unsigned char)(1u << bit);
        }
    put(path, bytes, n);
    cr_assert_eq(read_generation(folder), 2);
}

Test(checkpoint, every_byte_that_becomes_another_is_noticed)
{
    size_t n = 0;
    write_well(1);
    write_well(2);
    unsigned char *bytes = get(path_of(2), &n);
    struct strata_arena memory = arena;
    unsigned char *copy = strata_arena_take(&memory, 1, 64, n + 64);
    memcpy(copy, bytes, n);
    for (size_t at = 0; at < n; at++)
        for (unsigned value = 0; value < 256; value++) {
            struct strata_arena scratch = memory;
            struct strata_checkpoint out = {0};
            struct strata_err err = {0};
            copy[at] = (unsigned char)value;
            const strata_status status =
                strata_checkpoint_parse("file", copy, n, &scratch, &out, &err);
            cr_assert_eq(status == STRATA_OK, value == bytes[at], "byte %zu, value %u", at, value);
            copy[at] = bytes[at];
        }
}

Test(checkpoint, every_truncation_is_noticed_and_so_is_what_is_too_long)
{
    size_t n = 0;
    write_well(1);
    write_well(2);
    const char *path = path_of(2);
    unsigned char *bytes = get(path, &n);
    for (size_t length = 0; length < n; length++) {
        const char *place = length < 64    ? "head"
                            : length < 256 ? "list of sections"
                                           : place_of(length);
        put(path, bytes, length);
        expect_named(path, place, length);
    }
    unsigned char *longer = STRATA_NEW(&arena, unsigned char, n + 64);
    memcpy(longer, bytes, n);
    for (size_t more = 1; more <= 64; more++) {
        put(path, longer, n + more);
        expect_named(path, "length", n + more);
    }
}

Test(checkpoint, what_stands_under_another_name_or_comes_from_a_newer_program_is_not_used)
{
    size_t n = 0;
    struct strata_checkpoint checkpoint = {0};
    struct strata_err err = {0};
    write_well(1);
    unsigned char *bytes = get(path_of(1), &n);
    put(path_of(7), bytes, n);
    expect_named(path_of(7), "not the checkpoint that its name says", 0);
    put(path_of(1), "", 0);
    cr_assert_eq(strata_checkpoint_read(folder, &arena, &checkpoint, &err), STRATA_E_DATA);
    cr_assert_not_null(strstr(err.text, path_of(7)), "%s", err.text);
    cr_assert_eq(checkpoint.n_damage, 2);
    cr_assert_not_null(strstr(checkpoint.damage[1], "cut off in its head"));
}

/* The next write removes what is damaged, and not the whole one that it stands on. */
Test(checkpoint, a_damaged_generation_is_not_one_of_the_two_that_stay)
{
    write_well(1);
    write_well(2);
    put(path_of(2), "damaged", 7);
    write_well(3);
    cr_assert_eq(access(path_of(2), F_OK), -1);
    put(path_of(3), "damaged", 7);
    cr_assert_eq(read_generation(folder), 1);
}

/* --- calls that fail ------------------------------------------------------------------------- */

static const int error_of[] = {ENOSPC, EIO, EDQUOT, EINTR};

/* Generation 2 is written while call number `at` fails.  False when there is no such call. */
static bool write_failing(size_t at, int error, bool ever)
{
    struct strata_err err = {0};
    io.n_calls = 0;
    io.hit = false;
    io.fail_at = at;
    io.fail_errno = error;
    io.fail_ever = ever;
    const strata_status status = write_as(&attempt, 2, &err);
    io.fail_at = 0;
    cr_assert_eq(io.n_broken, 0, "a file whose fsync failed was renamed");
    if (status != STRATA_OK) {
        cr_assert(status == STRATA_E_IO || status == STRATA_E_CREATE, "%s", err.text);
        cr_assert_not_null(strstr(err.text, folder), "%s", err.text);
        cr_assert_not_null(strstr(err.text, strerror(error)), "%s", err.text);
    }
    if (error == EINTR && !ever) cr_assert_eq(status, STRATA_OK, "%s", err.text);
    const uint64_t now = read_generation(folder);
    cr_assert(now == 2 || (now == 1 && status != STRATA_OK), "call %zu: %s", at, err.text);
    return io.hit;
}

static void begin_anew(void)
{
    end();
    begin();
    write_well(1);
}

Test(checkpoint, a_call_that_fails_loses_nothing_and_the_next_checkpoint_is_written)
{
    size_t n_cases = 0;
    for (size_t e = 0; e < sizeof error_of / sizeof *error_of; e++)
        for (int ever = 0; ever < 2; ever++) {
            bool hit = true;
            for (size_t at = 1; hit; at++) {
                begin_anew();
                hit = write_failing(at, error_of[e], ever);
                if (!hit) break;
                n_cases++;
                write_well(3);
                cr_assert_eq(read_generation(folder), 3);
                if (!ever) cr_assert_eq(count_files(attempt.tray), 0);
            }
        }
    cr_assert_gt(n_cases, 8 * 10);
}

Test(checkpoint, a_start_in_which_a_call_fails_says_so_and_the_next_one_succeeds)
{
    for (size_t e = 0; e < sizeof error_of / sizeof *error_of; e++)
        for (int ever = 0; ever < 2; ever++) {
            bool hit = true;
            for (size_t at = 1; hit; at++) {
                struct strata_attempt later;
                struct strata_err err = {0};
                begin_anew();
                io.n_calls = 0;
                io.hit = false;
                io.fail_at = at;
                io.fail_errno = error_of[e];
                io.fail_ever = ever;
                (void)!strata_attempt_begin(folder, &later, &err);
                hit = io.hit;
                io.fail_at = 0;
                if (err.code) cr_assert(err.code == STRATA_E_IO || err.code == STRATA_E_CREATE);
                err = (struct strata_err){0};
                cr_assert_eq(strata_attempt_begin(folder, &later, &err), STRATA_OK, "%s", err.text);
                cr_assert_eq(read_generation(folder), 1);
                cr_assert_eq(write_as(&later, 2, &err), STRATA_OK, "%s", err.text);
                cr_assert_eq(read_generation(folder), 2);
            }
        }
}
