# Where each library from outside comes from.  Code does not name these targets: it says
# EXTERNAL <name> to the verbs of StrataTargets.cmake, with the names of src/LAYERS.

include(StrataVersions)
set(STRATA_DEPS_DIR ${PROJECT_SOURCE_DIR}/.deps)

find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq>=4.3)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash>=0.8)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.11)
find_program(STRATA_PROTOC_C protoc-c REQUIRED)
find_path(STRATA_RANDOM123_DIR Random123/philox.h REQUIRED)
if(STRATA_TESTS)
  pkg_check_modules(CRITERION REQUIRED IMPORTED_TARGET criterion>=2.4)
  # Debian's own Python has the modules that the tests use.
  find_program(STRATA_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
endif()

set(strata_external_mpi MPI::MPI_C)
set(strata_external_zmq PkgConfig::ZMQ)
set(strata_external_protobuf strata::proto)
set(strata_external_sodium PkgConfig::SODIUM)
set(strata_external_xxhash PkgConfig::XXHASH)
set(strata_external_yaml PkgConfig::YAML)
set(strata_external_jansson PkgConfig::JANSSON)
set(strata_external_threads Threads::Threads)
set(strata_external_m m)
set(strata_external_simd "")
set(strata_external_duckdb strata::duckdb_lib)

add_library(strata_random123 INTERFACE)
target_include_directories(strata_random123 SYSTEM INTERFACE ${STRATA_RANDOM123_DIR})
set(strata_external_random123 strata_random123)

# --- DuckDB -----------------------------------------------------------------------------------
# First the one that was named, then an installed one of the wanted version, then the one that
# deploy/install-dependencies fetches.

set(STRATA_DUCKDB_ROOT "$ENV{STRATA_DUCKDB_ROOT}" CACHE PATH
  "Folder of a DuckDB to use: duckdb.h and libduckdb.so in it, or in its include/ and lib/")
set(STRATA_DUCKDB_VERSION ${STRATA_PINNED_DUCKDB} CACHE STRING
  "DuckDB version to accept; results are proved for ${STRATA_PINNED_DUCKDB} only")

# Sets `out` to the version of the library in `lib`, or to "unusable".
function(strata_duckdb_version header_dir lib out)
  string(SHA1 key "${header_dir}|${lib}")
  if(NOT DEFINED STRATA_DUCKDB_SEEN_${key})
    set(probe ${PROJECT_BINARY_DIR}/duckdb-version)
    file(WRITE ${probe}.c
      "#include <duckdb.h>\n#include <stdio.h>\n"
      "int main(void) { return puts(duckdb_library_version()) < 0; }\n")
    set(CMAKE_C_FLAGS "")
    try_run(ran compiled ${probe} ${probe}.c
      CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${header_dir}" LINK_LIBRARIES ${lib}
      RUN_OUTPUT_VARIABLE text)
    set(seen unusable)
    if(compiled AND ran EQUAL 0)
      string(REGEX REPLACE "^v|[\r\n]" "" seen "${text}")
    endif()
    unset(ran CACHE)
    unset(compiled CACHE)
    set(STRATA_DUCKDB_SEEN_${key} ${seen} CACHE INTERNAL "")
  endif()
  set(${out} ${STRATA_DUCKDB_SEEN_${key}} PARENT_SCOPE)
endfunction()

# Looks in `root`, or where the system keeps libraries if root is "system".
function(strata_try_duckdb root)
  set(where PATHS ${root} PATH_SUFFIXES include lib src/include NO_DEFAULT_PATH)
  if(root STREQUAL "system")
    set(where "")
  endif()
  find_path(header_dir duckdb.h ${where} NO_CACHE)
  find_library(lib duckdb ${where} NO_CACHE)
  if(NOT header_dir OR NOT lib)
    return()
  endif()
  strata_duckdb_version(${header_dir} ${lib} version)
  if(version STREQUAL STRATA_DUCKDB_VERSION)
    set(STRATA_DUCKDB_LIB ${lib} PARENT_SCOPE)
    set(STRATA_DUCKDB_INCLUDE ${header_dir} PARENT_SCOPE)
  else()
    message(STATUS "DuckDB ${version} at ${lib} is not used: ${STRATA_DUCKDB_VERSION} is wanted")
  endif()
endfunction()

if(STRATA_DUCKDB_ROOT)
  strata_try_duckdb(${STRATA_DUCKDB_ROOT})
else()
  strata_try_duckdb(system)
  if(NOT STRATA_DUCKDB_LIB)
    strata_try_duckdb(${STRATA_DEPS_DIR}/duckdb)
  endif()
endif()
if(NOT STRATA_DUCKDB_LIB)
  message(FATAL_ERROR
    "DuckDB ${STRATA_DUCKDB_VERSION} was not found. Run deploy/install-dependencies, or give the "
    "folder that holds duckdb.h and libduckdb.so with -DSTRATA_DUCKDB_ROOT=DIR. To accept another "
    "version, say so with -DSTRATA_DUCKDB_VERSION=X.Y.Z.")
endif()
message(STATUS "DuckDB ${STRATA_DUCKDB_VERSION}: ${STRATA_DUCKDB_LIB}")

add_library(strata_duckdb SHARED IMPORTED GLOBAL)
add_library(strata::duckdb_lib ALIAS strata_duckdb)
set_target_properties(strata_duckdb PROPERTIES
  IMPORTED_LOCATION ${STRATA_DUCKDB_LIB}
  INTERFACE_INCLUDE_DIRECTORIES ${STRATA_DUCKDB_INCLUDE})
install(FILES ${STRATA_DUCKDB_LIB} DESTINATION ${CMAKE_INSTALL_LIBDIR}/strata)

# --- Apache ECharts -----------------------------------------------------------------------------

if(DEFINED ENV{STRATA_ECHARTS_JS})
  set(echarts_default $ENV{STRATA_ECHARTS_JS})
else()
  set(echarts_default ${STRATA_DEPS_DIR}/echarts/echarts.min.js)
endif()
set(STRATA_ECHARTS_JS ${echarts_default} CACHE FILEPATH
  "echarts.min.js to inline into reports")
if(NOT EXISTS ${STRATA_ECHARTS_JS})
  message(FATAL_ERROR
    "${STRATA_ECHARTS_JS} was not found. Run deploy/install-dependencies, or give the file with "
    "-DSTRATA_ECHARTS_JS=FILE.")
endif()

# Licences travel with what they are for.
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
foreach(bundled IN ITEMS duckdb echarts)
  install(FILES ${STRATA_DEPS_DIR}/${bundled}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR}/${bundled}
    OPTIONAL)
endforeach()
install(FILES ${STRATA_DEPS_DIR}/echarts/NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR}/echarts OPTIONAL)
