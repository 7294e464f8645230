#include <criterion/criterion.h>
#include <string.h>

#include "strata/problems.h"

static struct strata_place at(int line, int column)
{
    return (struct strata_place){"job.yaml", line, column};
}

Test(problems, all_are_told_in_order_of_place_and_the_first_gives_the_status)
{
    struct strata_problems problems = {0};
    struct strata_err err = {0};
    strata_problems_add(&problems, at(9, 2), STRATA_E_DATA, "second");
    strata_problems_add(&problems, at(3, 5), STRATA_E_CONFIG, "first");
    cr_assert_eq(strata_problems_status(&problems, &err), STRATA_E_CONFIG);
    cr_assert_str_eq(err.text, "job.yaml:3:5: first\njob.yaml:9:2: second");
}

Test(problems, none_is_ok)
{
    struct strata_problems problems = {0};
    struct strata_err err = {0};
    cr_assert_eq(strata_problems_status(&problems, &err), STRATA_OK);
}

Test(problems, more_than_the_list_holds_are_counted)
{
    static struct strata_problems problems;
    struct strata_err err = {0};
    for (int i = 0; i < 200; i++)
        strata_problems_add(&problems, at(i + 1, 1), STRATA_E_CONFIG, "problem");
    cr_assert_eq(problems.count, STRATA_PROBLEMS_MAX);
    cr_assert_eq(problems.total, 200);
    cr_assert_eq(strata_problems_status(&problems, &err), STRATA_E_CONFIG);
    cr_assert_not_null(strstr(err.text, "more problems"));
    cr_assert_lt(strlen(err.text), sizeof err.text);
}

Test(problems, the_nearest_known_word_is_offered_only_when_it_is_near)
{
    static const char *const known[] = {"segments", "starts", "seed", "min_share"};
    cr_assert_str_eq(strata_nearest_word("segmnets", known, 4), "segments");
    cr_assert_str_eq(strata_nearest_word("sede", known, 4), "seed");
    cr_assert_null(strata_nearest_word("temperature", known, 4));
    cr_assert_null(strata_nearest_word("", known, 0));
}
