strata_unit_test(states LIBS job)
strata_unit_test(directory LIBS job)
strata_unit_test(settings LIBS job config)
