strata_unit_test(states LIBS job)
strata_unit_test(directory LIBS job)
strata_unit_test(settings LIBS job config)
strata_thread_test(keeper_threads LIBS job results cluster evaluate comm math base)
