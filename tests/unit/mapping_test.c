#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "strata/mapping.h"

#define MIB ((size_t)1 << 20)

static char directory[64];

static void make_directory(void)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(directory, sizeof directory, "%s/strata-mapping-XXXXXX",
                   base && strlen(base) < 32 ? base : "/var/tmp");
    cr_assert(mkdtemp(directory));
}

static void remove_directory(void)
{
    cr_expect_eq(rmdir(directory), 0, "nothing is left in it");
}

TestSuite(mapping, .init = make_directory, .fini = remove_directory);

/* Byte i of the array. */
static unsigned char byte_at(size_t i)
{
    return (unsigned char)((i * UINT64_C(0x9E3779B97F4A7C15)) >> 56);
}

static struct strata_mapping made(size_t n_bytes, uint64_t memory_bytes, uint64_t cache_bytes)
{
    const char *const place[] = {NULL, directory};
    const char *where = NULL;
    struct strata_err err = {0};
    struct strata_mapping mapping;
    cr_assert_eq(strata_mapping_make(place, 2, n_bytes, &mapping, &where, &err), STRATA_OK, "%s",
                 err.text);
    cr_assert_str_eq(where, directory);
    static unsigned char piece[MIB];
    for (size_t at = 0; at < n_bytes; at += MIB) {
        const size_t n = n_bytes - at < MIB ? n_bytes - at : MIB;
        for (size_t i = 0; i < n; i++) piece[i] = byte_at(at + i);
        cr_assert_eq(strata_mapping_write(&mapping, at, piece, n, &err), STRATA_OK, "%s", err.text);
    }
    cr_assert_eq(strata_mapping_open(&mapping, memory_bytes, cache_bytes, &err), STRATA_OK, "%s",
                 err.text);
    return mapping;
}

/* Read [first, end) in blocks, as a pass does; how many bytes are wrong. */
static size_t wrong_bytes(const struct strata_mapping *mapping, size_t first, size_t end,
                          size_t block)
{
    size_t wrong = 0;
    for (size_t at = first; at < end; at += block) {
        const size_t n = end - at < block ? end - at : block;
        strata_mapping_ahead(mapping, at, n);
        for (size_t i = at; i < at + n; i++) wrong += mapping->bytes[i] != byte_at(i);
    }
    return wrong;
}

static size_t bytes_mapped(const struct strata_mapping *mapping)
{
    unsigned long long pages = 0;
    FILE *map = fopen("/proc/self/smaps", "re");
    char line[512], start[32];
    bool ours = false;
    (void)snprintf(start, sizeof start, "%zx-", (size_t)(uintptr_t)mapping->bytes);
    while (map && fgets(line, sizeof line, map)) {
        if (strchr(line, '-') && strchr(line, '-') < line + 17)
            ours = strncmp(line, start, strlen(start)) == 0;
        if (ours && sscanf(line, "Rss: %llu kB", &pages) == 1) break;
    }
    if (map) (void)fclose(map);
    return (size_t)pages * 1024;
}

Test(mapping, what_is_read_is_what_was_written_in_any_blocks)
{
    const size_t n_bytes = 21 * MIB + 13;
    const size_t blocks[] = {1000, 262144, 3 * MIB + 5, 9 * MIB, 64 * MIB};
    const uint64_t memory[] = {0, 8 * MIB, 64 * MIB}, cache[] = {0, 1024 * MIB};
    for (size_t m = 0; m < 3; m++) {
        struct strata_mapping mapping = made(n_bytes, memory[m], cache[m % 2]);
        for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
            cr_expect_eq(wrong_bytes(&mapping, 0, n_bytes, blocks[b]), 0);
            cr_expect_eq(wrong_bytes(&mapping, 10 * MIB + 1, n_bytes, blocks[b]), 0);
        }
        strata_mapping_close(&mapping);
    }
}

Test(mapping, a_pass_leaves_no_more_in_memory_than_it_may_keep)
{
    const size_t n_bytes = 64 * MIB, chunk = STRATA_MAPPING_CHUNK;
    struct strata_mapping mapping = made(n_bytes, 24 * MIB, 1024 * MIB);
    for (int pass = 0; pass < 3; pass++) {
        cr_assert_eq(wrong_bytes(&mapping, 0, n_bytes, 262144), 0);
        cr_expect_leq(bytes_mapped(&mapping), 24 * MIB + 4 * chunk);
        cr_expect_geq(bytes_mapped(&mapping), 24 * MIB, "what may stay stays");
    }
    strata_mapping_close(&mapping);
}

Test(mapping, places_picked_here_and_there_do_not_pile_up)
{
    const size_t n_bytes = 64 * MIB;
    struct strata_mapping mapping = made(n_bytes, 0, 1024 * MIB);
    for (size_t i = 0; i < 4096; i++) {
        const size_t at = i * 16001 % n_bytes,
                     next = i == 4095 ? n_bytes : (i + 1) * 16001 % n_bytes;
        cr_assert_eq(mapping.bytes[at], byte_at(at));
        strata_mapping_jump(&mapping, at, next);
    }
    cr_expect_leq(bytes_mapped(&mapping), 2 * STRATA_MAPPING_CHUNK);
    strata_mapping_close(&mapping);
}

Test(mapping, the_file_has_no_name_and_no_other_reader)
{
    struct strata_mapping mapping = made(MIB, 0, 0);
    struct stat facts;
    cr_assert_eq(fstat(mapping.file, &facts), 0);
    cr_expect_eq(facts.st_nlink, 0);
    cr_expect_eq(facts.st_mode & 0777, 0600);
    strata_mapping_close(&mapping);
    strata_mapping_close(&mapping);
}

Test(mapping, a_disk_without_room_is_known_before_a_byte_is_written)
{
    const char *const place[] = {directory, "/dev/shm", "/nowhere/at/all"};
    const char *where = NULL;
    struct strata_err err = {0};
    struct strata_mapping mapping;
    cr_assert_eq(strata_mapping_make(place, 3, (size_t)1 << 50, &mapping, &where, &err),
                 STRATA_E_CREATE);
    cr_expect(strstr(err.text, directory), "%s", err.text);
    cr_expect(strstr(err.text, "MiB are free"), "%s", err.text);
    cr_expect(strstr(err.text, "/nowhere/at/all: No such file"), "%s", err.text);
    uint64_t room = 0;
    cr_expect(strata_mapping_room(directory, &room));
    cr_expect_gt(room, 0);
    cr_expect_not(strata_mapping_room("/nowhere/at/all", &room));
}

Test(mapping, the_limit_of_file_sizes_is_an_error_not_a_signal)
{
    const char *where = NULL;
    struct strata_err err = {0};
    struct strata_mapping mapping;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){MIB, MIB}), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(
        strata_mapping_make(&(const char *const){directory}, 1, 8 * MIB, &mapping, &where, &err),
        STRATA_E_CREATE);
    cr_expect(strstr(err.text, "File too large"), "%s", err.text);
}

/* A page beyond the file's end is what a page that the disk does not give looks like. */
Test(mapping, a_disk_that_fails_ends_the_process_with_its_code, .fini = NULL, .exit_code = 74)
{
    struct strata_mapping mapping = made(2 * MIB, 0, 0);
    remove_directory();
    cr_assert_eq(ftruncate(mapping.file, 0), 0);
    cr_assert_fail("%zu bytes were read", wrong_bytes(&mapping, 0, mapping.n_bytes, MIB));
}
