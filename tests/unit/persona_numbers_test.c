/* The form of numbers in sentences, and intervals. */
#include "persona/persona_impl.h"

#include <math.h>

#include <criterion/criterion.h>

Test(persona_numbers, numbers_read_well)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {{0.0, "0"},
                 {-0.0, "0"},
                 {1.0, "1"},
                 {2.5, "2.5"},
                 {1234567.4, "1,234,567"},
                 {999.5, "1,000"},
                 {-1234.0, "-1,234"},
                 {0.0712, "0.0712"},
                 {-0.004, "-0.004"},
                 {12.34, "12.3"},
                 {5e-324, "4.94e-324"},
                 {1e15, "1.00e+15"},
                 {100.0, "100"},
                 {123456.0, "123,456"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[STRATA_NUMBER_TEXT];
        strata_number_text(cases[i].number, 0, text);
        cr_assert_str_eq(text, cases[i].text);
    }
}

Test(persona_numbers, a_value_and_its_reference_are_told_apart)
{
    char a[STRATA_NUMBER_TEXT];
    char b[STRATA_NUMBER_TEXT];
    strata_number_pair(1000.1, 1000.4, STRATA_FORM_NUMBER, a, b);
    cr_assert_str_eq(a, "1,000.1");
    cr_assert_str_eq(b, "1,000.4");
    strata_number_pair(0.9996, 0.0004, STRATA_FORM_PERCENT, a, b);
    cr_assert_str_eq(a, "99.96%");
    cr_assert_str_eq(b, "0.04%");
    strata_number_pair(131.4, 100.0, STRATA_FORM_INDEX, a, b);
    cr_assert_str_eq(a, "1.3");
    strata_number_pair(22.4, 100.0, STRATA_FORM_INDEX, a, b);
    cr_assert_str_eq(a, "22");
    strata_number_pair(29.1, 19.9, STRATA_FORM_NUMBER, a, b);
    cr_assert_str_eq(a, "29");
    cr_assert_str_eq(b, "20");
    strata_number_pair(12.4, 12.6, STRATA_FORM_NUMBER, a, b);
    cr_assert_str_eq(a, "12.4");
    cr_assert_str_eq(b, "12.6");
    strata_number_pair(2.0, 0.0, STRATA_FORM_NUMBER, a, b);
    cr_assert_str_eq(a, "2");
    cr_assert_str_eq(b, "0");
    strata_number_pair(-0.001, 0.884, STRATA_FORM_NUMBER, a, b);
    cr_assert_str_eq(a, "-0.001");
    strata_number_pair(7.3, 98.4, STRATA_FORM_MONEY, a, b);
    cr_assert_str_eq(a, "7");
    strata_number_pair(7.3, 4.8, STRATA_FORM_MONEY, a, b);
    cr_assert_str_eq(a, "7.30");
    cr_assert_str_eq(b, "4.80");
}

Test(persona_numbers, intervals_are_wilsons_and_the_normal_ones)
{
    double low = 0.0;
    double high = 0.0;
    strata_interval_share(0.5, 100, &low, &high);
    cr_assert_float_eq(low, 0.4038315, 1e-7);
    cr_assert_float_eq(high, 0.5961685, 1e-7);
    strata_interval_share(0.0, 10, &low, &high);
    cr_assert_eq(low, 0.0);
    cr_assert_float_eq(high, 0.2775328, 1e-7);
    strata_interval_mean(10.0, 2.0, 100, &low, &high);
    cr_assert_float_eq(low, 10.0 - 0.3919928, 1e-7);
    cr_assert_float_eq(high, 10.0 + 0.3919928, 1e-7);
}
