strata_fuzz_test(checkpoint LIBS results)
