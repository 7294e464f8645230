strata_fuzz_test(config LIBS config)
