#include "engine/config/origin.hpp"

#include <algorithm>
#include <string>

#include "engine/core/host_port.hpp"
#include "engine/core/limits.hpp"

namespace sluice::config {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_scheme(std::string_view text) {  // RFC 3986 section 3.1
    return !text.empty() && is_lower(text.front()) && std::ranges::all_of(text, [](char c) {
        return is_lower(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
    });
}

bool is_name(std::string_view text) {
    const bool has_room = !text.empty() && text.size() <= limits::host_name_bytes_max;
    return has_room && std::ranges::all_of(
                           text, [](char c) { return is_lower(c) || is_digit(c) || c == '-' || c == '.' || c == '_'; });
}

bool is_address_v6(std::string_view text) {
    return text.size() > 1 && std::ranges::all_of(text, [](char c) {
               return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
           });
}

bool is_own_port(std::string_view scheme, std::string_view port) {
    return (scheme == "http" && port == "80") || (scheme == "https" && port == "443");
}

}  // namespace

bool is_origin(std::string_view text) {
    constexpr std::string_view mark = "://";
    const std::size_t end = text.find(mark);
    if (end == std::string_view::npos || text.size() > limits::origin_bytes_max || !is_scheme(text.substr(0, end)))
        return false;
    const auto split = split_host_port(text.substr(end + mark.size()));
    if (!split || !(split->is_bracketed ? is_address_v6(split->host) : is_name(split->host))) return false;
    if (!split->port) return true;
    const auto port = parse_port(*split->port);
    const bool is_shortest = port.has_value() && std::to_string(*port) == *split->port;
    return is_shortest && !is_own_port(text.substr(0, end), *split->port);
}

}  // namespace sluice::config
