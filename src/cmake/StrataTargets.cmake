# The verbs that the project's CMakeLists.txt files are written in.
#
#   strata_library(FOLDER LAYER n SOURCES... [HEADERS...] [DEPENDS FOLDER...] [EXTERNAL NAME...]
#                  [FAULT_SOURCES...])
#   strata_program(NAME [FAULTS] SOURCES... LIBS FOLDER...)
#   strata_embed(FOLDER SYMBOL name FILE file)
#   strata_proto(FILE...)
#   strata_unit_test(NAME [SOURCES...] LIBS FOLDER...)                 Criterion
#   strata_thread_test(NAME [SOURCES...] LIBS FOLDER...)               plain main, runs under tsan too
#   strata_mpi_test(NAME RANKS n... [SOURCES...] LIBS FOLDER...)       plain main, once per rank count
#   strata_fuzz_test(NAME [SOURCES...] [CORPUS dir] LIBS FOLDER...)    LLVMFuzzerTestOneInput
#   strata_system_test(NAME COMMAND command...)                        the real programs
#   strata_lint_test(NAME COMMAND command...)
#   strata_bench(NAME [SOURCES...] LIBS FOLDER...)                     built, never run by ctest
#
# Tests and benches also take EXTERNAL NAME..., ARGS argument... and, but for benches,
# TIMEOUT seconds, LABELS label..., ENVIRONMENT NAME=value... and RESOURCE_LOCK name...
# SOURCES left out means NAME_test.c, NAME_fuzz.c or NAME_bench.c.  A test that prints a line
# "SKIPPED: reason" counts as skipped.

# --- src/LAYERS -----------------------------------------------------------------------------------

# Reads the table into STRATA_FOLDERS, strata_layer_<folder> and strata_only_<external>.
function(strata_read_layers file)
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(STRINGS ${file} lines REGEX "^(layer|only) ")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "[ ]+" ";" words "${line}")
    list(POP_FRONT words kind key)
    if(kind STREQUAL "layer")
      foreach(folder IN LISTS words)
        list(APPEND folders ${folder})
        set(strata_layer_${folder} ${key} PARENT_SCOPE)
      endforeach()
    else()
      list(FIND words ":" colon)
      math(EXPR first "${colon} + 1")
      list(SUBLIST words ${first} -1 allowed)
      set(strata_only_${key} ${allowed} PARENT_SCOPE)
    endif()
  endforeach()
  set(STRATA_FOLDERS ${folders} PARENT_SCOPE)
endfunction()
strata_read_layers(${PROJECT_SOURCE_DIR}/src/LAYERS)

# The targets that names of folders, of libraries from outside, or of targets stand for.
function(strata_resolve out kind)
  set(targets "")
  foreach(name IN LISTS ARGN)
    if(kind STREQUAL "EXTERNAL")
      if(NOT DEFINED strata_external_${name})
        message(FATAL_ERROR "EXTERNAL ${name} is not a name of StrataDependencies.cmake.")
      endif()
      list(APPEND targets ${strata_external_${name}})
    elseif(DEFINED strata_layer_${name})
      list(APPEND targets strata::${name})
    else()
      list(APPEND targets ${name})
    endif()
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()

macro(strata_parse options singles lists)
  cmake_parse_arguments(PARSE_ARGV 1 arg "${options}" "${singles}" "${lists}")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${name}: what is \"${arg_UNPARSED_ARGUMENTS}\"?")
  endif()
endmacro()

# --- libraries and programs -----------------------------------------------------------------------

# The static library strata::FOLDER of one folder of src/.  HEADERS are its contracts, by their names
# in include/strata/.  What it DEPENDS on must be of a lower layer.
function(strata_library name)
  strata_parse("" "LAYER" "SOURCES;HEADERS;DEPENDS;EXTERNAL;FAULT_SOURCES")
  if(NOT "${strata_layer_${name}}" STREQUAL "${arg_LAYER}")
    message(FATAL_ERROR
      "${name} says layer ${arg_LAYER}, src/LAYERS says \"${strata_layer_${name}}\".")
  endif()
  list(TRANSFORM arg_DEPENDS REPLACE "^strata::" "")
  foreach(lower IN LISTS arg_DEPENDS)
    if(NOT DEFINED strata_layer_${lower})
      message(FATAL_ERROR "${name} depends on ${lower}, which src/LAYERS does not know.")
    elseif(NOT strata_layer_${lower} LESS arg_LAYER)
      message(FATAL_ERROR "${name} (layer ${arg_LAYER}) must not depend on ${lower} "
        "(layer ${strata_layer_${lower}}): a folder uses lower layers only.")
    endif()
  endforeach()
  foreach(external IN LISTS arg_EXTERNAL)
    if(DEFINED strata_only_${external} AND NOT name IN_LIST strata_only_${external})
      message(FATAL_ERROR "${name} must not use ${external}: src/LAYERS gives it to "
        "\"${strata_only_${external}}\".")
    endif()
  endforeach()

  add_library(strata_${name} STATIC ${arg_SOURCES})
  add_library(strata::${name} ALIAS strata_${name})
  # For executables only: -fPIE, of strata_flags, lets functions be inlined where -fPIC may not.
  set_target_properties(strata_${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  list(TRANSFORM arg_HEADERS PREPEND ${PROJECT_SOURCE_DIR}/include/strata/)
  target_sources(strata_${name} PUBLIC
    FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${arg_HEADERS})
  target_include_directories(strata_${name}
    PUBLIC ${PROJECT_SOURCE_DIR}/include PRIVATE ${PROJECT_SOURCE_DIR}/src)
  strata_resolve(lower FOLDERS ${arg_DEPENDS})
  strata_resolve(outside EXTERNAL ${arg_EXTERNAL})
  target_link_libraries(strata_${name} PUBLIC ${lower} PRIVATE ${outside} strata_flags)

  foreach(header IN LISTS arg_HEADERS)
    file(RELATIVE_PATH header ${PROJECT_SOURCE_DIR}/include ${header})
    set_property(GLOBAL APPEND_STRING PROPERTY STRATA_HEADER_OWNERS "${header} ${name}\n")
  endforeach()
  if(STRATA_TESTS)
    strata_library_twin(${name})
  endif()
endfunction()

# The same library with the points of strata/fault.h, strata_FOLDER_faults, for tests alone.  A folder
# that uses no other one has none of them.
macro(strata_library_twin name)
  if(arg_DEPENDS OR arg_FAULT_SOURCES)
    add_library(strata_${name}_faults STATIC EXCLUDE_FROM_ALL ${arg_SOURCES} ${arg_FAULT_SOURCES})
    set_target_properties(strata_${name}_faults PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_definitions(strata_${name}_faults PUBLIC STRATA_FAULTS=1)
    target_include_directories(strata_${name}_faults
      PUBLIC ${PROJECT_SOURCE_DIR}/include PRIVATE ${PROJECT_SOURCE_DIR}/src)
    list(TRANSFORM arg_DEPENDS REPLACE "(.+)" "strata_\\1_faults" OUTPUT_VARIABLE lower)
    target_link_libraries(strata_${name}_faults PUBLIC ${lower} PRIVATE ${outside} strata_flags)
  else()
    add_library(strata_${name}_faults INTERFACE)
    target_link_libraries(strata_${name}_faults INTERFACE strata_${name})
  endif()
endmacro()

# A program of the user's, in bin/.  The target `programs` builds all of them.  FAULTS: tests get a
# twin of it in bin/faults/, target NAME_faults, in which they can make things fail.
add_custom_target(programs)
# All that tests of whole programs run, and the unit tests that are worth it optimised (label optimised).
add_custom_target(system_tests)
add_dependencies(system_tests programs)
function(strata_program name)
  strata_parse("FAULTS" "" "SOURCES;LIBS;EXTERNAL")
  add_executable(${name} ${arg_SOURCES})
  add_dependencies(programs ${name})
  strata_link(${name})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  if(arg_FAULTS AND STRATA_TESTS)
    add_executable(${name}_faults ${arg_SOURCES})
    set_target_properties(${name}_faults PROPERTIES
      OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/faults)
    list(TRANSFORM arg_LIBS REPLACE "(.+)" "strata_\\1_faults")
    strata_link(${name}_faults)
    add_dependencies(system_tests ${name}_faults)
  endif()
endfunction()

# Puts the bytes of FILE into the library of FOLDER as
#   extern const unsigned char SYMBOL[]; extern const unsigned char SYMBOL_end[];
# with one zero byte after them, at SYMBOL_end.
function(strata_embed name)
  strata_parse("" "SYMBOL;FILE" "")
  cmake_path(ABSOLUTE_PATH arg_FILE NORMALIZE)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${arg_SYMBOL}.S)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
    .section .rodata
    .global @arg_SYMBOL@
    .global @arg_SYMBOL@_end
    .type @arg_SYMBOL@, %object
    .type @arg_SYMBOL@_end, %object
    .balign 16
@arg_SYMBOL@:
    .incbin "@arg_FILE@"
@arg_SYMBOL@_end:
    .byte 0
    .size @arg_SYMBOL@, @arg_SYMBOL@_end - @arg_SYMBOL@
    .section .note.GNU-stack, "", %progbits
]])
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${arg_FILE})
  target_sources(strata_${name} PRIVATE ${source})
  if(STRATA_TESTS)
    target_sources(strata_${name}_faults PRIVATE ${source})
  endif()
endfunction()

# The library strata::proto of the messages' C code, generated from proto/.
function(strata_proto)
  set(out ${PROJECT_BINARY_DIR}/proto)
  set(sources "")
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE protos)
  foreach(file IN LISTS protos)
    file(RELATIVE_PATH stem ${CMAKE_CURRENT_SOURCE_DIR} ${file})
    string(REGEX REPLACE "\\.proto$" "" stem ${stem})
    add_custom_command(
      OUTPUT ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h
      COMMAND ${STRATA_PROTOC_C} --proto_path=${CMAKE_CURRENT_SOURCE_DIR} --c_out=${out} ${file}
      DEPENDS ${protos}
      COMMENT "protoc-c ${stem}.proto"
      VERBATIM)
    list(APPEND sources ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h)
  endforeach()
  file(MAKE_DIRECTORY ${out})
  add_library(strata_proto STATIC ${sources})
  target_compile_options(strata_proto PRIVATE -w)
  set_target_properties(strata_proto PROPERTIES COMPILE_WARNING_AS_ERROR OFF)
  target_include_directories(strata_proto SYSTEM PUBLIC ${out})
  target_link_libraries(strata_proto PUBLIC PkgConfig::PROTOBUF_C)
  add_library(strata::proto ALIAS strata_proto)
endfunction()

# Links an executable with what the caller's LIBS and EXTERNAL say.
macro(strata_link target)
  strata_resolve(libs FOLDERS ${arg_LIBS})
  strata_resolve(outside EXTERNAL ${arg_EXTERNAL})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${target} PRIVATE ${libs} ${outside} strata_flags)
endmacro()

# --- tests ----------------------------------------------------------------------------------------

set(strata_test_lists SOURCES LIBS EXTERNAL ARGS LABELS ENVIRONMENT RESOURCE_LOCK)

# Sanitizers need to be told of MPI and DuckDB, neither of which is instrumented.
set(STRATA_TEST_ENVIRONMENT
  PYTHONDONTWRITEBYTECODE=1
  ASAN_OPTIONS=detect_stack_use_after_return=1
  UBSAN_OPTIONS=print_stacktrace=1
  LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/lsan.supp:print_suppressions=0
  TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1)

# The executable of a test or bench: it sees include/, src/ and tests/support/.
macro(strata_test_executable target suffix)
  if(NOT arg_SOURCES)
    set(arg_SOURCES ${name}_${suffix}.c)
  endif()
  add_executable(${target} ${arg_SOURCES})
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_include_directories(${target} PRIVATE
    ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests/support)
  target_compile_definitions(${target} PRIVATE STRATA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  strata_link(${target})
endmacro()

macro(strata_test_properties test label seconds)
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT ${seconds})
  endif()
  if(STRATA_SANITIZE)
    math(EXPR arg_TIMEOUT "5 * ${arg_TIMEOUT}")
  endif()
  # Only the slow unwinder sees which of MPI's libraries keeps a piece of memory; in DuckDB, which takes
  # millions of pieces, it would cost ten times the test.
  set(environment ${STRATA_TEST_ENVIRONMENT})
  if("${label}" STREQUAL "mpi" AND NOT "ingest" IN_LIST arg_LIBS)
    list(TRANSFORM environment REPLACE "^LSAN_OPTIONS=" "LSAN_OPTIONS=fast_unwind_on_malloc=0:")
  elseif("${label}" STREQUAL "mpi") # both libraries: leaks are looked for by the unit tests
    list(TRANSFORM environment REPLACE "^ASAN_OPTIONS=" "ASAN_OPTIONS=detect_leaks=0:")
  endif()
  set_tests_properties(${test} PROPERTIES
    LABELS "${label};${arg_LABELS}"
    TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "${environment};${arg_ENVIRONMENT}"
    SKIP_REGULAR_EXPRESSION "(^|\n)SKIPPED: ")
  if(arg_RESOURCE_LOCK)
    set_tests_properties(${test} PROPERTIES RESOURCE_LOCK "${arg_RESOURCE_LOCK}")
  endif()
endmacro()

# Criterion's macros assign comparisons to one-bit fields, which gcc takes for a conversion.
add_library(strata_criterion_flags INTERFACE)
target_compile_options(strata_criterion_flags INTERFACE
  $<$<C_COMPILER_ID:GNU>:-Wno-conversion>)

# Criterion forks, which ThreadSanitizer does not bear: under it the unit tests are not built.
function(strata_unit_test name)
  strata_parse("" "TIMEOUT" "${strata_test_lists}")
  if(STRATA_SANITIZE MATCHES "thread")
    return()
  endif()
  list(APPEND arg_LIBS PkgConfig::CRITERION m)
  strata_test_executable(unit_${name} test)
  target_link_libraries(unit_${name} PRIVATE strata_criterion_flags)
  if("optimised" IN_LIST arg_LABELS)
    add_dependencies(system_tests unit_${name})
  endif()
  set(runner "")
  if(STRATA_SANITIZE)
    set(runner ${PROJECT_SOURCE_DIR}/tests/support/run-sanitized)
  endif()
  add_test(NAME unit.${name} COMMAND ${runner} $<TARGET_FILE:unit_${name}> ${arg_ARGS})
  strata_test_properties(unit.${name} unit 60)
endfunction()

# The target `thread_tests` builds all of this kind, and what they need.
add_custom_target(thread_tests)
function(strata_thread_test name)
  strata_parse("" "TIMEOUT" "${strata_test_lists}")
  list(APPEND arg_LIBS Threads::Threads)
  strata_test_executable(thread_${name} test)
  add_dependencies(thread_tests thread_${name})
  add_test(NAME thread.${name} COMMAND thread_${name} ${arg_ARGS})
  strata_test_properties(thread.${name} "unit;thread" 60)
endfunction()

function(strata_mpi_test name)
  strata_parse("" "TIMEOUT" "RANKS;${strata_test_lists}")
  if(NOT arg_RANKS)
    message(FATAL_ERROR "strata_mpi_test(${name}) needs RANKS, as literal numbers.")
  endif()
  list(APPEND arg_LIBS MPI::MPI_C)
  strata_test_executable(mpi_${name} test)
  foreach(ranks IN LISTS arg_RANKS)
    set(test mpi.${name}.n${ranks})
    add_test(NAME ${test}
      COMMAND ${PROJECT_SOURCE_DIR}/deploy/mpirun -n ${ranks} $<TARGET_FILE:mpi_${name}> ${arg_ARGS})
    strata_test_properties(${test} mpi 120)
    set_tests_properties(${test} PROPERTIES PROCESSORS ${ranks})
  endforeach()
endfunction()

# Everywhere but in the fuzz preset, a small driver replays the corpus; there, libFuzzer also looks
# for new inputs, for a few seconds under ctest and for as long as it is let when run by hand.
function(strata_fuzz_test name)
  strata_parse("" "TIMEOUT;CORPUS" "${strata_test_lists}")
  if(NOT arg_CORPUS)
    set(arg_CORPUS corpus/${name})
  endif()
  cmake_path(ABSOLUTE_PATH arg_CORPUS)
  if(NOT arg_SOURCES)
    set(arg_SOURCES ${name}_fuzz.c)
  endif()
  if(STRATA_FUZZ)
    set(found ${CMAKE_CURRENT_BINARY_DIR}/${name}-found)
    file(MAKE_DIRECTORY ${found})
    set(command fuzz_${name} -max_total_time=10 -print_final_stats=1 ${found} ${arg_CORPUS})
  else()
    list(APPEND arg_SOURCES ${PROJECT_SOURCE_DIR}/tests/support/fuzz_replay.c)
    set(command fuzz_${name} ${arg_CORPUS})
  endif()
  strata_test_executable(fuzz_${name} fuzz)
  if(STRATA_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  endif()
  add_test(NAME fuzz.${name} COMMAND ${command})
  strata_test_properties(fuzz.${name} fuzz 120)
endfunction()

# COMMAND runs in an empty folder of its own, with the built programs on PATH and
#   STRATA_SOURCE_DIR  the checkout          STRATA_BIN     the folder of strata and stratactl
#   STRATA_MPIRUN      deploy/mpirun         STRATA_PYTHON  a Python with zmq and protobuf
# RANKS n reserves processors.
function(strata_system_test name)
  strata_parse("" "TIMEOUT;RANKS" "COMMAND;${strata_test_lists}")
  set(test system.${name})
  set(folder ${PROJECT_BINARY_DIR}/system/${name})
  add_test(NAME ${test}
    COMMAND ${PROJECT_SOURCE_DIR}/tests/support/in-empty-folder ${folder} ${arg_COMMAND})
  strata_test_properties(${test} system 120)
  set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT
    STRATA_SOURCE_DIR=${PROJECT_SOURCE_DIR} STRATA_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}
    STRATA_MPIRUN=${PROJECT_SOURCE_DIR}/deploy/mpirun STRATA_PYTHON=${STRATA_PYTHON})
  set_property(TEST ${test} PROPERTY ENVIRONMENT_MODIFICATION
    PATH=path_list_prepend:${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
  if(arg_RANKS)
    set_tests_properties(${test} PROPERTIES PROCESSORS ${arg_RANKS})
  endif()
endfunction()

function(strata_lint_test name)
  strata_parse("" "TIMEOUT" "COMMAND;${strata_test_lists}")
  add_test(NAME lint.${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  strata_test_properties(lint.${name} lint 60)
endfunction()

function(strata_bench name)
  strata_parse("" "" "SOURCES;LIBS;EXTERNAL")
  strata_test_executable(bench_${name} bench)
  set_target_properties(bench_${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
  add_dependencies(system_tests bench_${name})
endfunction()
