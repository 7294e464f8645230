foreach(name persona persona_words)
  strata_unit_test(${name} LIBS persona)
endforeach()
