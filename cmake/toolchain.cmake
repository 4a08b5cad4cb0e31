# Language level, warnings and sanitizers, as one interface target that every module links.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(SLUICE_WERROR "Warnings are errors" ON)
set(SLUICE_SANITIZE "" CACHE STRING "Value for -fsanitize=, e.g. address,undefined")

add_library(sluice_flags INTERFACE)
target_include_directories(sluice_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(sluice_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-align -Woverloaded-virtual
  -Wnull-dereference -Wimplicit-fallthrough -fno-omit-frame-pointer
  $<$<BOOL:${SLUICE_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives of these from inlined standard library code at -O2 and under sanitizers.
  target_compile_options(sluice_flags INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds
    -Wno-stringop-overread -Wno-maybe-uninitialized -Wno-null-dereference)
endif()
if(SLUICE_SANITIZE)
  target_compile_options(sluice_flags INTERFACE -fsanitize=${SLUICE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(sluice_flags INTERFACE -fsanitize=${SLUICE_SANITIZE})
  if(SLUICE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # ConcurrentQueue uses fences, which ThreadSanitizer does not model; its atomics are modelled.
    target_compile_options(sluice_flags INTERFACE -Wno-tsan)
  endif()
endif()

# speed_up(TARGET): several files a compiler run, and the standard library's headers parsed once for all targets. The
# clang preset does neither, so that it shows each file to include what it uses.
option(SLUICE_SPEED_UP "Precompiled headers and unity builds" ON)
if(SLUICE_SPEED_UP)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled.cpp CONTENT "// Owns the precompiled headers.\n")
  add_library(sluice_precompiled OBJECT ${CMAKE_BINARY_DIR}/precompiled.cpp)
  target_link_libraries(sluice_precompiled PRIVATE sluice_flags)
  target_precompile_headers(sluice_precompiled PRIVATE <algorithm> <array> <atomic> <chrono> <functional> <memory> <optional>
    <span> <string> <string_view> <utility> <vector>)
endif()
function(speed_up target)
  if(SLUICE_SPEED_UP)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    target_precompile_headers(${target} REUSE_FROM sluice_precompiled)
  endif()
endfunction()

# runs_anywhere(PROGRAM): libstdc++ becomes a part of it, so that it needs no newer one than its machine has. libgcc_s stays
# shared: it is there wherever glibc is, and that of GCC 12 would ask for glibc 2.35 instead of 2.34. Symbols are bound at
# the start, and their table is read-only then. Parts of libstdc++ that nothing calls are left out: one asks for glibc 2.36.
function(runs_anywhere program)
  if(NOT SLUICE_SANITIZE)
    target_link_options(${program} PRIVATE -static-libstdc++ -Wl,--gc-sections,-z,relro,-z,now)
  endif()
endfunction()
