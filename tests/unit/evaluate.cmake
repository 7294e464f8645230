strata_unit_test(evaluate SOURCES evaluate_test.c evaluate_weights_test.c LIBS evaluate cluster comm math base)
