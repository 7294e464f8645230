strata_fuzz_test(request LIBS control client job EXTERNAL protobuf)
