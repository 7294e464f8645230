strata_mpi_test(ingest RANKS 1 2 3 4 LIBS ingest)
