#include "engine/config/service_variables.hpp"

#include <algorithm>

namespace sluice::config {
namespace {

constexpr std::string_view protocols[] = {"TCP", "UDP", "SCTP"};
constexpr std::string_view port_schemes[] = {"tcp://", "udp://", "sctp://"};

// Cuts `prefix` off; whether `text` began with it.
bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

bool take_number(std::string_view& text) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(end);
    return end != 0;
}

// What follows _PORT_ in a name: 8080_TCP_ADDR.
bool is_of_a_port(std::string_view rest) {
    if (!take_number(rest) || !take(rest, "_")) return false;
    if (std::ranges::none_of(protocols, [&](std::string_view protocol) { return take(rest, protocol); })) return false;
    return rest.empty() || rest == "_PROTO" || rest == "_PORT" || rest == "_ADDR";
}

// The name of a Service may itself hold _PORT_.
bool names_a_port(std::string_view name) {
    constexpr std::string_view mark = "_PORT_";
    for (std::size_t at = name.find(mark); at != std::string_view::npos; at = name.find(mark, at + 1))
        if (is_of_a_port(name.substr(at + mark.size()))) return true;
    return false;
}

// _SERVICE_PORT_ and the name of a port, which is not empty.
bool names_a_named_port(std::string_view name) {
    constexpr std::string_view mark = "_SERVICE_PORT_";
    const std::size_t at = name.find(mark);
    return at != std::string_view::npos && at + mark.size() < name.size();
}

}  // namespace

bool is_service_variable(std::string_view name, std::string_view value) {
    if (!name.starts_with("SLUICE_")) return false;
    if (name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT")) return true;
    if (names_a_named_port(name) || names_a_port(name)) return true;
    const auto begins = [&](std::string_view scheme) { return value.starts_with(scheme); };
    return name.ends_with("_PORT") && std::ranges::any_of(port_schemes, begins);
}

std::vector<std::string> service_variables(std::span<const std::string> environment) {
    std::vector<std::string> names;
    for (const std::string_view entry : environment) {
        const std::size_t equals = std::min(entry.find('='), entry.size());
        const std::string_view name = entry.substr(0, equals);
        if (is_service_variable(name, entry.substr(std::min(equals + 1, entry.size())))) names.emplace_back(name);
    }
    return names;
}

}  // namespace sluice::config
