strata_unit_test(json_view LIBS results EXTERNAL protobuf)
strata_unit_test(records LIBS results EXTERNAL protobuf)
strata_unit_test(results LIBS results EXTERNAL protobuf TIMEOUT 300)
