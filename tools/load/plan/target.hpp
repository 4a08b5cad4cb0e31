// Target: where requests go, taken apart from a URL.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "tools/load/plan/units.hpp"

namespace sluice::load {

struct Target {
    std::string host;         // name or address, IPv6 without brackets
    std::uint16_t port = 80;
    std::string host_header;  // as the Host header has it: with the port unless it is 80
    std::string path;         // with the query; at least "/"
};

// `http://host[:port][/path][?query]`; the scheme may be left out. TLS is not spoken: https is an error that says so.
[[nodiscard]] std::expected<Target, PlanError> parse_target(std::string_view url);

}  // namespace sluice::load
