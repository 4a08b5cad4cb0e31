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
    std::uint16_t port = 80;  // https: 443
    bool is_tls = false;      // https
    std::string host_header;  // as the Host header has it: with the port if the URL has one
    std::string path;         // with the query; at least "/"
};

// `http://host[:port][/path][?query]`, or https://; without a scheme it is http.
[[nodiscard]] std::expected<Target, PlanError> parse_target(std::string_view url);

}  // namespace sluice::load
