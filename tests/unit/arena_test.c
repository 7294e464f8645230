#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "strata/arena.h"

Test(arena, pieces_are_zeroed_aligned_and_apart)
{
    struct strata_arena arena;
    cr_assert(strata_arena_init(&arena, 1 << 20));
    char *text = STRATA_NEW(&arena, char, 3);
    double *numbers = STRATA_NEW(&arena, double, 1000);
    cr_assert(text && numbers);
    cr_assert_eq((uintptr_t)numbers % 64, 0);
    cr_assert((char *)numbers >= text + 3);
    for (size_t i = 0; i < 1000; i++) cr_assert_eq(numbers[i], 0);
    strata_arena_finish(&arena);
}

Test(arena, a_copy_is_scratch_and_its_pieces_are_zeroed_again)
{
    struct strata_arena arena;
    cr_assert(strata_arena_init(&arena, 1 << 20));
    struct strata_arena scratch = arena;
    memset(STRATA_NEW(&scratch, char, 5000), 7, 5000);
    const char *again = STRATA_NEW(&arena, char, 5000);
    for (size_t i = 0; i < 5000; i++) cr_assert_eq(again[i], 0);
    strata_arena_finish(&arena);
}

Test(arena, large_pieces_are_zeroed_again_wherever_they_overlap_used_ones)
{
    const size_t mib = (size_t)1 << 20;
    struct strata_arena arena;
    cr_assert(strata_arena_init(&arena, 64 * mib));
    for (size_t round = 0; round < 4; round++) {
        struct strata_arena scratch = arena;
        const size_t n_bytes = (5 + 6 * round) * mib + 77 * round;
        cr_assert(STRATA_NEW(&scratch, char, 100 + round));
        unsigned char *piece = STRATA_NEW(&scratch, unsigned char, n_bytes);
        size_t n_used = 0;
        for (size_t i = 0; i < n_bytes; i++) n_used += piece[i] != 0;
        cr_expect_eq(n_used, 0, "round %zu", round);
        memset(piece, 9, n_bytes);
    }
    strata_arena_reset(&arena);
    const unsigned char *again = STRATA_NEW(&arena, unsigned char, 30 * mib);
    for (size_t i = 0; i < 30 * mib; i++) cr_assert_eq(again[i], 0);
    strata_arena_finish(&arena);
}

Test(arena, a_fresh_piece_costs_no_memory_until_it_is_written)
{
    const size_t mib = (size_t)1 << 20, n_pages = 32 * mib / 4096;
    struct strata_arena arena;
    cr_assert(strata_arena_init(&arena, 64 * mib));
    unsigned char *piece = strata_arena_take(&arena, 4096, 4096, n_pages);
    unsigned char *here = STRATA_NEW(&arena, unsigned char, n_pages);
    cr_assert_eq(mincore(piece, 32 * mib, here), 0);
    for (size_t i = 0; i < n_pages; i++) cr_assert_eq(here[i] & 1, 0, "page %zu is there", i);
    strata_arena_finish(&arena);
}

Test(arena, what_does_not_fit_is_null_and_changes_nothing)
{
    struct strata_arena arena;
    cr_assert(strata_arena_init(&arena, 4096));
    cr_assert_null(STRATA_NEW(&arena, char, 5000));
    cr_assert_null(STRATA_NEW(&arena, uint64_t, SIZE_MAX / 4));
    cr_assert_eq(strata_arena_used(&arena), 0);
    cr_assert_str_eq(strata_arena_print(&arena, "%s-%d", "seven", 7), "seven-7");
    cr_assert_str_eq(strata_arena_copy(&arena, "segment", 3), "seg");
    strata_arena_finish(&arena);
    strata_arena_finish(&arena);
}
