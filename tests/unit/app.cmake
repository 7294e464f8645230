set(drawing ${PROJECT_SOURCE_DIR}/src/app)
strata_unit_test(terminal
  SOURCES terminal_test.c ${drawing}/terminal.c ${drawing}/terminal_customer.c ${drawing}/terminal_progress.c ${drawing}/terminal_text.c
  LIBS client job)
strata_unit_test(terminal_watch
  SOURCES terminal_watch_test.c ${drawing}/terminal.c ${drawing}/terminal_progress.c ${drawing}/terminal_text.c
    ${drawing}/terminal_watch.c
  LIBS client job)
