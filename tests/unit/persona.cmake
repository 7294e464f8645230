foreach(name persona persona_words persona_numbers persona_weights persona_rules persona_effects
       persona_portrait)
  strata_unit_test(${name} LIBS persona)
endforeach()
strata_unit_test(persona_sampled LIBS persona evaluate cluster comm math base)
