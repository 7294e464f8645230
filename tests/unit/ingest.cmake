strata_unit_test(sql_rules LIBS ingest)
strata_unit_test(csv_cut LIBS ingest)
strata_unit_test(ingest LIBS ingest TIMEOUT 300)
strata_unit_test(ingest_refusals LIBS ingest TIMEOUT 300)
