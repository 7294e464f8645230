strata_unit_test(features SOURCES features_test.c features_matrix_test.c features_refusals_test.c features_weights_test.c LIBS features)
