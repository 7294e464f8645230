strata_unit_test(states LIBS job)
