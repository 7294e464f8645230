strata_mpi_test(comm RANKS 1 2 3 4 LIBS comm ENVIRONMENT STRATA_COMM_ROUND=65536)
strata_mpi_test(watch RANKS 1 2 3 LIBS comm)
strata_mpi_test(comm_large RANKS 2 TIMEOUT 300 LIBS comm LABELS long)
