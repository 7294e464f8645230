strata_unit_test(comm LIBS comm)
