# One row for each folder of engine/, parsers/, sinks/ and tools/load/. A room is a folder and its library.
#
#   room(FOLDER USES folder... LIBRARIES library... MAY right...)
#
# makes a static library of the folder's .cpp files that links what the row names, and nothing else. tests/lint reads the
# same rows: a file may include headers of its own folder, of the folders behind USES and of the libraries behind
# LIBRARIES; the rows form no circle; and docs/architecture.md shows them. MAY grants what a simulation must replace:
#
#   clock    reads the time, or lets it pass     random   draws a random number (a seeded generator needs no right)
#   system   calls the kernel                    thread   starts, joins or locks out threads
#
# A room without a right is given what it needs: the time as an argument, a seed, an interface.

# The target of a folder: sluice_engine_http for engine/http.
function(room_target variable folder)
  string(REPLACE "/" "_" name ${folder})
  set(${variable} sluice_${name} PARENT_SCOPE)
endfunction()

function(room folder)
  cmake_parse_arguments(arg "" "" "USES;LIBRARIES;MAY" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "room(${folder}): what is ${arg_UNPARSED_ARGUMENTS}?")
  endif()
  room_target(target ${folder})
  set(links)
  foreach(used IN LISTS arg_USES)
    room_target(used_target ${used})
    list(APPEND links ${used_target})
  endforeach()
  foreach(library IN LISTS arg_LIBRARIES)
    list(APPEND links dep::${library})
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(sources)
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PUBLIC sluice_flags ${links})
    speed_up(${target})
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE sluice_flags ${links})
  endif()
endfunction()

# --- the leaf: values and rules that everybody shares --------------------------------------------------------------
room(engine/core MAY clock random system)
room(engine/log USES engine/core MAY clock system thread)
room(engine/config USES engine/core LIBRARIES tomlplusplus cli11 MAY system)
room(engine/metrics USES engine/core LIBRARIES hdr_histogram)

room(engine/tenants USES engine/core engine/config LIBRARIES openssl MAY random system thread)

# --- bytes in, values out ------------------------------------------------------------------------------------------
room(parsers USES engine/core LIBRARIES simdjson)
room(parsers/http USES engine/core LIBRARIES llhttp)
room(parsers/proxy USES engine/core)
room(parsers/json USES engine/core parsers LIBRARIES simdjson)
room(parsers/collectd USES engine/core parsers parsers/json LIBRARIES simdjson)
room(parsers/influx USES engine/core parsers)
room(parsers/protobuf)
room(parsers/prometheus USES engine/core parsers parsers/protobuf LIBRARIES xxhash)
room(parsers/otlp USES engine/core parsers parsers/protobuf LIBRARIES simdjson)
room(parsers/telemetry USES engine/core parsers parsers/json parsers/protobuf)
room(parsers/coding USES engine/core LIBRARIES zlib libdeflate zstd snappy)

# --- sockets, HTTP -------------------------------------------------------------------------------------------------
room(engine/io USES engine/core LIBRARIES liburing MAY clock system thread)
room(engine/http USES engine/core parsers/http)
room(engine/tls USES engine/core LIBRARIES openssl MAY clock system thread)
room(engine/server USES engine/core engine/config engine/log engine/metrics engine/io engine/http engine/tls parsers/http parsers/proxy
     MAY clock system thread)

# --- what delivers: encoders and sinks -----------------------------------------------------------------------------
room(sinks USES engine/core MAY thread)
room(sinks/null USES engine/core sinks MAY clock)
room(sinks/journal USES engine/core sinks MAY clock system)
room(sinks/redis/resp USES engine/core LIBRARIES hiredis)
room(sinks/redis/tls USES engine/core engine/tls sinks/redis/resp LIBRARIES openssl MAY system)
room(sinks/redis/link USES engine/core sinks sinks/redis/resp sinks/redis/tls LIBRARIES hiredis hiredis_ssl MAY system)
room(sinks/redis/layout USES engine/core sinks sinks/redis/resp)
room(sinks/redis/window USES engine/core sinks sinks/redis/layout sinks/redis/resp MAY system)
room(sinks/redis/single USES engine/core sinks sinks/redis/link sinks/redis/resp sinks/redis/window)
room(sinks/redis/exactly_once USES engine/core sinks sinks/redis/layout sinks/redis/link sinks/redis/resp sinks/redis/window)
room(sinks/redis/cluster USES engine/core sinks sinks/redis/link sinks/redis/resp sinks/redis/window LIBRARIES hiredis
     MAY system thread)
room(sinks/redis/sentinel USES engine/core sinks/redis/link sinks/redis/resp)

# --- one sample's way through the engine ---------------------------------------------------------------------------
room(engine/dead_letters USES engine/core engine/log engine/tenants sinks/redis/link sinks/redis/resp MAY clock thread)
room(engine/delivery USES engine/core engine/config engine/dead_letters engine/log engine/io sinks sinks/null sinks/journal sinks/redis/link
     sinks/redis/layout sinks/redis/single sinks/redis/exactly_once sinks/redis/cluster sinks/redis/sentinel
     LIBRARIES concurrentqueue MAY clock random system thread)
room(engine/batching USES engine/core engine/delivery sinks)
room(engine/idempotency USES engine/core LIBRARIES xxhash MAY thread)
room(engine/watch USES engine/core engine/log sinks sinks/redis/link sinks/redis/resp sinks/redis/cluster LIBRARIES hiredis MAY clock thread)
room(engine/ingest USES engine/core engine/dead_letters engine/log engine/metrics engine/http engine/server engine/batching engine/idempotency engine/tenants engine/tls engine/watch
     parsers parsers/coding parsers/collectd parsers/http parsers/influx parsers/json parsers/otlp parsers/prometheus parsers/telemetry sinks MAY clock)
room(engine/forward USES engine/core engine/config engine/log engine/io engine/delivery engine/tenants parsers/json sinks sinks/journal
     sinks/redis/layout sinks/redis/exactly_once MAY clock random system thread)
room(engine/admin USES engine/core engine/config engine/log engine/metrics engine/io engine/http engine/server engine/delivery
     engine/forward engine/idempotency engine/ingest engine/tenants engine/tls engine/watch sinks LIBRARIES fmt nlohmann_json MAY clock thread)
room(engine/journal_tool USES engine/core engine/config engine/log engine/io engine/forward engine/tenants parsers sinks/journal LIBRARIES nlohmann_json MAY clock system)
room(engine/runtime USES engine/core engine/config engine/dead_letters engine/log engine/io engine/server engine/tls engine/delivery
     engine/batching engine/idempotency engine/tenants engine/watch engine/ingest engine/forward engine/admin sinks
     sinks/redis/link sinks/redis/tls MAY clock random system thread)
room(engine/check USES engine/core engine/config engine/delivery engine/io engine/runtime engine/tls engine/watch sinks/journal MAY clock system)
room(engine/doctor USES engine/core engine/check engine/config engine/delivery engine/io engine/runtime engine/tls engine/watch
     sinks/redis/link sinks/redis/resp LIBRARIES nlohmann_json MAY clock random system)
room(engine/dead_tool USES engine/core engine/config engine/dead_letters engine/delivery engine/ingest engine/log engine/tenants sinks/redis/resp
     LIBRARIES nlohmann_json MAY clock system thread)
room(engine USES engine/core engine/admin engine/check engine/config engine/dead_tool engine/doctor engine/log engine/io engine/journal_tool engine/runtime engine/tenants MAY clock system)

# --- sluice-load: result/ what was measured, format/ bodies, plan/ what a run does, run/ makes requests, report/ writes results, export/ sends
# them to a database during the run, ledger/ remembers what was acknowledged, command/ reads command lines and wires the rest ---
room(tools/load/result USES engine/core LIBRARIES hdr_histogram)
room(tools/load/format USES engine/core)
room(tools/load/plan USES engine/core engine/tls tools/load/format tools/load/result)
room(tools/load/run USES engine/core engine/io engine/tls parsers/http parsers/protobuf tools/load/format tools/load/plan tools/load/result
     LIBRARIES llhttp nlohmann_json snappy zlib zstd MAY clock system thread)
room(tools/load/report USES tools/load/result LIBRARIES hdr_histogram nlohmann_json fmt MAY system)
room(tools/load/export USES engine/core tools/load/result LIBRARIES fmt curl MAY thread)
room(tools/load/ledger USES engine/core engine/config engine/delivery sinks/redis/link sinks/redis/resp LIBRARIES nlohmann_json
     MAY system thread)
room(tools/load/command USES engine/core engine/config engine/log engine/tls tools/load/format tools/load/result tools/load/plan tools/load/run tools/load/report
     tools/load/export tools/load/ledger LIBRARIES tomlplusplus cli11 fmt nlohmann_json MAY random system)
room(tools/load USES engine/core engine/io engine/log tools/load/command MAY clock system)
