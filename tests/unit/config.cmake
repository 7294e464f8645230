foreach(name config config_problems config_print)
  strata_unit_test(${name} LIBS config)
  if(TARGET unit_${name})
    target_compile_definitions(unit_${name} PRIVATE CONFIGS="${PROJECT_SOURCE_DIR}/configs")
  endif()
endforeach()

# The data of the example jobs, and the customers that their SQL makes of them.
strata_system_test(shipped_data COMMAND ${STRATA_PYTHON} ${PROJECT_SOURCE_DIR}/tests/system/shipped_data/shipped_data.py)
