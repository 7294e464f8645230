strata_fuzz_test(request LIBS control client job results EXTERNAL protobuf)

# What its own mutator makes of the corpus, in every build; libFuzzer uses the same mutator.
if(TARGET fuzz_request AND NOT STRATA_FUZZ)
  foreach(case IN ITEMS "mutated 200000 fuzz" "mutated_long 10000000 long")
    string(REPLACE " " ";" case "${case}")
    list(GET case 0 name)
    list(GET case 1 count)
    list(GET case 2 label)
    add_test(NAME fuzz.request_${name}
      COMMAND fuzz_request --mutate ${count} ${CMAKE_CURRENT_SOURCE_DIR}/corpus/request)
    set_tests_properties(fuzz.request_${name} PROPERTIES LABELS ${label} TIMEOUT 3600)
  endforeach()
endif()
