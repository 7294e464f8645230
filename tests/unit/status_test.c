#include <criterion/criterion.h>
#include <stdio.h>

#include "strata/status.h"

Test(status, the_first_sentence_stays)
{
    struct strata_err err = {0};
    cr_assert_eq(STRATA_FAIL(&err, STRATA_E_DATA, "column %d", 3), STRATA_E_DATA);
    cr_assert_eq(STRATA_FAIL(&err, STRATA_E_IO, "later"), STRATA_E_IO);
    cr_assert_str_eq(err.text, "column 3");
    cr_assert_eq(err.code, STRATA_E_DATA);
    cr_assert_eq(STRATA_FAIL(NULL, STRATA_E_IO, "nobody listens"), STRATA_E_IO);
}

Test(status, exit_codes_are_those_of_sysexits)
{
    cr_assert_eq(strata_status_exit_code(STRATA_OK), 0);
    cr_assert_eq(strata_status_exit_code(STRATA_E_USAGE), 64);
    cr_assert_eq(strata_status_exit_code(STRATA_E_AGAIN), 75);
    cr_assert_eq(strata_status_exit_code(STRATA_E_CONFIG), 78);
    cr_assert_eq(strata_status_exit_code(STRATA_E_CANCELLED), 130);
}

Test(status, a_broken_requirement_leaves_with_the_code_of_a_bug, .exit_code = 70)
{
    STRATA_REQUIRE(1 + 1 == 3);
}
