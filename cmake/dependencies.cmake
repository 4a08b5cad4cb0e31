# Imported targets dep::<name> for every library, from .deps/prefix (see tools/setup) or the system.
# Static archives are preferred: the binary then runs on machines that have none of them.
set(deps_prefix ${CMAKE_SOURCE_DIR}/.deps/prefix)
list(PREPEND CMAKE_PREFIX_PATH ${deps_prefix}/usr)

# dependency(NAME HEADER [ARCHIVE...]): finds header and archive, defines dep::NAME.
function(dependency name header)
  find_path(${name}_include ${header} HINTS ${deps_prefix}/usr/include
    PATH_SUFFIXES concurrentqueue concurrentqueue/moodycamel NO_CACHE)
  if(NOT ${name}_include)
    message(FATAL_ERROR "${name} (${header}) is missing: run tools/setup")
  endif()
  add_library(dep::${name} INTERFACE IMPORTED GLOBAL)
  # /usr/include must not be named: it would come before the compiler's own folders.
  if(NOT ${name}_include STREQUAL "/usr/include")
    target_include_directories(dep::${name} SYSTEM INTERFACE ${${name}_include})
  endif()
  foreach(archive IN LISTS ARGN)
    find_library(${name}_${archive} NAMES lib${archive}.a ${archive}
      HINTS ${deps_prefix}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE} NO_CACHE)
    if(NOT ${name}_${archive})
      message(FATAL_ERROR "${name} (lib${archive}) is missing: run tools/setup")
    endif()
    # A target of its own, so that CMake puts it in front of what it needs itself.
    add_library(archive::${archive} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(archive::${archive} PROPERTIES IMPORTED_LOCATION ${${name}_${archive}})
    target_link_libraries(dep::${name} INTERFACE archive::${archive})
  endforeach()
endfunction()

find_package(Threads REQUIRED)
find_package(CURL REQUIRED)  # shared: its archive would draw in some twenty others
# Shared, and the system's: it must get the security updates of the distribution.
find_package(OpenSSL 3.0 REQUIRED)

dependency(liburing liburing.h uring)
dependency(llhttp llhttp.h llhttp)
dependency(simdjson simdjson.h simdjson_static)
dependency(hiredis hiredis/hiredis.h hiredis)
dependency(hiredis_ssl hiredis/hiredis_ssl.h hiredis_ssl)
dependency(concurrentqueue concurrentqueue.h)  # <concurrentqueue.h>: the folder differs between releases
dependency(zlib zlib.h z)
dependency(libdeflate libdeflate.h deflate)
dependency(zstd zstd.h zstd)
dependency(snappy snappy.h snappy)
dependency(hdr_histogram hdr/hdr_histogram.h hdr_histogram_static)
dependency(xxhash xxhash.h)  # inlined where it is used
dependency(tomlplusplus toml++/toml.h)
dependency(cli11 CLI/CLI.hpp)
dependency(fmt fmt/format.h)  # inlined where it is used: Debian has no archive of it
add_library(dep::curl ALIAS CURL::libcurl)
add_library(dep::openssl ALIAS OpenSSL::SSL)
target_link_libraries(archive::hiredis_ssl INTERFACE archive::hiredis OpenSSL::SSL)
dependency(nlohmann_json nlohmann/json.hpp)
dependency(cpp_httplib httplib.h cpp-httplib)

# The same for all: a program of parts with and without them has two meanings for one name.
target_compile_definitions(dep::tomlplusplus INTERFACE TOML_EXCEPTIONS=0)
target_compile_definitions(dep::fmt INTERFACE FMT_HEADER_ONLY)
target_link_libraries(dep::concurrentqueue INTERFACE Threads::Threads)
target_link_libraries(archive::hdr_histogram_static INTERFACE dep::zlib m)  # its logs are compressed
# What Debian's library was built with: the classes' layout depends on it.
target_compile_definitions(dep::cpp_httplib INTERFACE CPPHTTPLIB_OPENSSL_SUPPORT CPPHTTPLIB_ZLIB_SUPPORT CPPHTTPLIB_BROTLI_SUPPORT)
target_link_libraries(dep::cpp_httplib INTERFACE Threads::Threads)

# trixie's archives were built with a newer libstdc++ and glibc; on older ones these symbols are missing:
# the first is an empty marker of GCC 13's iostream initialisation, the second glibc 2.38's C23 sscanf.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13
   OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_FLAGS "-Wl,--no-as-needed")
  check_cxx_source_compiles("extern char _ZSt21ios_base_library_initv; int main() { return _ZSt21ios_base_library_initv; }"
    SLUICE_HAS_IOS_BASE_LIBRARY_INIT)
  unset(CMAKE_REQUIRED_FLAGS)
  if(NOT SLUICE_HAS_IOS_BASE_LIBRARY_INIT)
    target_link_options(dep::simdjson INTERFACE -Wl,--defsym=_ZSt21ios_base_library_initv=0)
  endif()
endif()
