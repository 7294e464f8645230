strata_unit_test(json_view LIBS results EXTERNAL protobuf)
strata_unit_test(records LIBS results EXTERNAL protobuf)
strata_unit_test(customer LIBS results EXTERNAL protobuf)
strata_unit_test(results LIBS results EXTERNAL protobuf TIMEOUT 300)

# Their calls of the system are written down and made to fail: tests/support/io_record.h.
foreach(name attempt checkpoint checkpoint_crash kept)
  strata_unit_test(${name} LIBS results)
  if(TARGET unit_${name})
    foreach(call open write fsync rename renameat2 unlink mkdir)
      target_link_options(unit_${name} PRIVATE -Wl,--wrap=${call})
    endforeach()
  endif()
endforeach()
