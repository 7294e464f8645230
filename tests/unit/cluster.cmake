strata_unit_test(nearest LIBS cluster math base)
strata_unit_test(estimator LIBS cluster evaluate comm math base)
strata_unit_test(gmm_diag LIBS cluster evaluate comm math base)
strata_unit_test(cluster LIBS cluster evaluate comm math base TIMEOUT 180)
