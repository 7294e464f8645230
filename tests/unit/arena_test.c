#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

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
