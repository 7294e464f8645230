strata_unit_test(math_sums LIBS math)
strata_unit_test(kernels LIBS math)
