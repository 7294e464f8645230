strata_unit_test(evaluate LIBS evaluate cluster comm math base)
