# The exact sum that the tests use is the one ingest lends to DuckDB.
strata_unit_test(duck LIBS duck ingest)
