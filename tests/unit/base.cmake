foreach(name arena file hash log mapping problems random status)
  strata_unit_test(${name} LIBS base)
endforeach()
strata_thread_test(pool_threads LIBS base)
