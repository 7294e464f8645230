/* Where the matrix lies changes no byte of it. */
#include <criterion/criterion.h>

#include "features_fixture.h"

static struct fixture job;
static struct fixture_result result, memory;

static void fill_numbers(void)
{
    fixture_init(&job, FIXTURE_ROWS);
    for (size_t f = 0; f < 5; f++) {
        static const char *const name[] = {"a", "b", "c", "d", "e"};
        struct fixture_column *column = fixture_add(&job, name[f]);
        for (size_t row = 0; row < job.n; row++)
            column->number[row] = fixture_unit(row * 8 + f) * 100;
    }
}

Test(matrix, in_a_file_it_holds_the_same_bytes)
{
    const struct strata_matrix_room none = {.directory = {NULL, "/var/tmp"}};
    fill_numbers();
    job.empty_rank = 1;
    for (int size = 1; size <= 3; size++) {
        job.matrix = NULL;
        fixture_run(&job, size, &memory);
        job.matrix = &none;
        fixture_run(&job, size, &result);
        for (int rank = 0; rank < size; rank++) {
            cr_assert_eq(result.status[rank], STRATA_OK, "%s", result.err[rank].text);
            const struct strata_rows *rows = &result.features[rank]->rows;
            cr_expect_eq(rows->mapping != NULL, rows->n > 0);
            cr_expect_null(memory.features[rank]->rows.mapping);
        }
        cr_expect_eq(memcmp(memory.x, result.x, sizeof result.x), 0, "%d ranks", size);
        cr_expect_eq(memory.quality[0].feature[0].clamped, result.quality[0].feature[0].clamped);
        fixture_finish(&memory);
        fixture_finish(&result);
    }
}

Test(matrix, memory_that_just_suffices_is_used)
{
    struct strata_matrix_room room = {.directory = {"/var/tmp", "/tmp"},
                                      .memory_bytes = FIXTURE_ROWS * 5 * sizeof(float)};
    fill_numbers();
    job.matrix = &room;
    fixture_run(&job, 1, &result);
    cr_assert_eq(result.status[0], STRATA_OK);
    cr_expect_null(result.features[0]->rows.mapping);
    fixture_finish(&result);
    room.memory_bytes--;
    fixture_run(&job, 1, &result);
    cr_assert_eq(result.status[0], STRATA_OK);
    cr_expect_not_null(result.features[0]->rows.mapping);
    fixture_finish(&result);
}

Test(matrix, without_a_disk_all_ranks_are_told)
{
    const struct strata_matrix_room none = {.directory = {"/nowhere/at/all", "/dev/null"}};
    fill_numbers();
    job.matrix = &none;
    fixture_run(&job, 3, &result);
    for (int rank = 0; rank < 3; rank++) cr_expect_neq(result.status[rank], STRATA_OK);
    cr_expect(strstr(result.err[0].text, "no disk has room"), "%s", result.err[0].text);
    cr_expect(strstr(result.err[0].text, "/nowhere/at/all: No such file or directory"));
    fixture_finish(&result);
}
