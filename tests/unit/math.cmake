strata_unit_test(math_sums LIBS math LABELS optimised)
strata_unit_test(kernels LIBS math LABELS optimised)
