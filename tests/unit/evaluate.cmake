strata_unit_test(evaluate SOURCES evaluate_test.c evaluate_weights_test.c LIBS evaluate cluster comm math base)
strata_unit_test(weights LIBS evaluate cluster comm math base TIMEOUT 180)
