foreach(name persona persona_words persona_numbers persona_weights)
  strata_unit_test(${name} LIBS persona)
endforeach()
