foreach(name persona persona_words persona_numbers)
  strata_unit_test(${name} LIBS persona)
endforeach()
