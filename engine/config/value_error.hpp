// Why a text is no value of a setting; shared by units, addresses and properties.
//
// An error sentence is put together in load.cpp: `<where>: <key> is <found>[, <clause>]; allowed is <…>`.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/names_number.hpp"

namespace sluice::config {

enum class ValueError : std::uint8_t {
    malformed,             // not of the form asked for; what is allowed says it all
    out_of_range,          // of the right form, but too small, too large or too long
    unit_missing,          // 5 for a duration
    unit_unknown,          // 5 fortnights
    size_unit_unknown,     // 5 bananas for a size
    unit_ambiguous,        // 1MB: 1000² or 1024² bytes
    fraction,              // 1.5s
    not_a_power_of_two,    // 1000 ring entries
    not_whole_seconds,     // 1500ms for what HTTP states in seconds
    control_character,     // a byte below 0x20, or 0x7F
    core_twice,            // 0,0-1
    address_not_numeric,   // example.org:8080
    port_missing,          // 127.0.0.1
    port_only,             // 8080
    port_invalid,          // 127.0.0.1:99999
    listen_path_invalid,   // unix:relative
    listed_twice,          // 127.0.0.1:80,127.0.0.1:80
    covered,               // 0.0.0.0:80,127.0.0.1:80
    covered_by_localhost,  // localhost:80,127.0.0.1:80
    scheme_unknown,        // http://…
    host_invalid,          // redis://:6379
    credentials_invalid,   // %zz in a user name or password, or too long
    database_invalid,      // redis://host/x
    socket_path_invalid,   // redis+unix://relative
    directory_invalid,     // journal:
    database_in_cluster,   // redis-cluster://host/1
    master_missing,        // redis-sentinel://host
    servers_too_many,      // redis-cluster://a,b,c,…
    query_unknown,         // redis://host?timeout=5
    network_invalid,       // 10.0.0.1/8
    origin_invalid,        // https://example.org/
};

// What comes after the comma; empty where nothing needs to be added.
[[nodiscard]] constexpr std::string_view clause_of(ValueError error) {
    switch (error) {
        case ValueError::malformed:
        case ValueError::out_of_range: return "";
        case ValueError::unit_missing: return "which has no unit (ns, us, ms, s, m or h)";
        case ValueError::unit_unknown: return "which has an unknown unit (known are ns, us, ms, s, m and h)";
        case ValueError::size_unit_unknown: return "which has an unknown unit (known are B, KiB, MiB and GiB)";
        case ValueError::unit_ambiguous: return "whose unit can mean 1000 or 1024 (write KiB, MiB or GiB)";
        case ValueError::fraction: return "which is not a whole number (use a smaller unit)";
        case ValueError::not_a_power_of_two: return "which is not a power of two";
        case ValueError::not_whole_seconds: return "which is not a whole number of seconds";
        case ValueError::control_character: return "which holds a control character";
        case ValueError::core_twice: return "which lists a core twice";
        case ValueError::address_not_numeric:
            return "whose address is neither numeric (IPv6 in brackets) nor localhost";
        case ValueError::port_missing: return "which has no port";
        case ValueError::port_only: return "which is a port only (write a colon before it)";
        case ValueError::port_invalid: return "whose port is no port number";
        case ValueError::listen_path_invalid:
            return "whose socket path is not absolute, longer than 107 bytes, or holds a comma or control character";
        case ValueError::listed_twice: return "which stands in the list twice";
        case ValueError::covered:
            return "which collides with another (0.0.0.0, [::] and :port take every address of their port)";
        case ValueError::covered_by_localhost: return "which collides with another (localhost is 127.0.0.1 and [::1])";
        case ValueError::scheme_unknown: return "whose scheme is unknown";
        case ValueError::host_invalid: return "whose host is missing or malformed";
        case ValueError::credentials_invalid:
            return "whose user or password is too long or not percent-encoded properly";
        case ValueError::database_invalid: return "whose database is not a number from 0 to 65535";
        case ValueError::socket_path_invalid:
            return "whose socket path is not absolute, too long or not percent-encoded properly";
        case ValueError::directory_invalid: return "whose directory is missing or too long";
        case ValueError::database_in_cluster: return "which names a database, but a cluster has only one";
        case ValueError::master_missing:
            return "which does not name the primary, as in redis-sentinel://host:26379/name";
        case ValueError::servers_too_many: return "which lists more than 16 servers";
        case ValueError::query_unknown: return "whose part after ? or # is not known here";
        case ValueError::network_invalid: return "which is no address, or has bits behind its prefix";
        case ValueError::origin_invalid: return "which is no origin as a browser sends it";
    }
    return "";
}

static_assert(names_number(clause_of(ValueError::listen_path_invalid), limits::unix_socket_path_bytes_max));
static_assert(names_number(clause_of(ValueError::servers_too_many), limits::url_servers_count_max));
static_assert(names_number(clause_of(ValueError::database_invalid), limits::redis_database_max));

}  // namespace sluice::config
