foreach(name arena file hash log problems random status)
  strata_unit_test(${name} LIBS base)
endforeach()
