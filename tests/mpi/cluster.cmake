strata_mpi_test(fit RANKS 1 2 3 4 7 LIBS cluster evaluate comm math base)
