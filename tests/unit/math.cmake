strata_unit_test(math_sums LIBS math)
