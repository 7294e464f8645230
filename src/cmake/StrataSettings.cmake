# How everything is compiled.  Warnings, hardening and floating-point rules live in the INTERFACE
# target strata_flags, which the verbs of StrataTargets.cmake link privately: they reach our own code
# and nothing else.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()
# Light optimisation keeps debug tests quick and lets the compilers see more to warn about.
set(CMAKE_C_FLAGS_DEBUG "-Og -g")
set(CMAKE_C_FLAGS_RELEASE "-O3 -DNDEBUG")

# Installed programs find the bundled libduckdb beside them.
include(GNUInstallDirs)
file(RELATIVE_PATH bin_to_lib
  ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR}/strata)
set(CMAKE_INSTALL_RPATH "$ORIGIN/${bin_to_lib}")

include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

add_library(strata_flags INTERFACE)
target_compile_definitions(strata_flags INTERFACE
  STRATA_VERSION="${PROJECT_VERSION}"
  $<$<CONFIG:Debug>:STRATA_CHECK=1>)

target_compile_options(strata_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wvla -Wformat=2 -Wundef -Wdouble-promotion -Wcast-qual -Wpointer-arith
  -Wwrite-strings -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference -fno-common
  $<$<C_COMPILER_ID:GNU>:-Wlogical-op;-Wduplicated-cond;-Wtrampolines;-Wbidi-chars=any>
  # Results must not depend on whether the compiler fuses a multiply and an add.
  -ffp-contract=off
  # Messages of failed assertions name files by their place in the project.
  -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)

# Hardening, after the OpenSSF's compiler options guide for C.
target_compile_options(strata_flags INTERFACE
  -fPIE -fstack-protector-strong -fstack-clash-protection
  -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing)
target_link_options(strata_flags INTERFACE
  -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
  target_compile_options(strata_flags INTERFACE -fcf-protection=full)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64")
  target_compile_options(strata_flags INTERFACE -mbranch-protection=standard)
endif()
if(NOT STRATA_SANITIZE)
  target_compile_options(strata_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()

# Sanitizers, coverage and fuzzing instrument everything that is compiled here.
if(STRATA_SANITIZE)
  # -O1, or the tests take twice as long.
  add_compile_options(-O1 -fsanitize=${STRATA_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${STRATA_SANITIZE})
endif()
if(STRATA_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()
if(STRATA_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "STRATA_FUZZ needs clang: configure with --preset fuzz.")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
