foreach(name persona persona_numbers persona_names persona_rules persona_effects persona_portrait
       persona_tally persona_disclosure reasons)
  strata_unit_test(${name} LIBS persona)
endforeach()
strata_unit_test(persona_words LIBS persona LABELS optimised)
strata_unit_test(persona_weights LIBS persona LABELS optimised)
strata_unit_test(persona_sampled LIBS persona evaluate cluster comm math base)

# The same library with another catalogue of messages, which is made from the English one.
add_executable(pseudo_language ${PROJECT_SOURCE_DIR}/tests/support/pseudo_language.c)
target_include_directories(pseudo_language PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(pseudo_language PRIVATE strata_flags)
set(pseudo_messages ${CMAKE_CURRENT_BINARY_DIR}/messages_pseudo.c)
add_custom_command(OUTPUT ${pseudo_messages}
  COMMAND pseudo_language > ${pseudo_messages}
  DEPENDS pseudo_language VERBATIM)
strata_unit_test(persona_language LIBS persona SOURCES persona_language_test.c ${pseudo_messages})
