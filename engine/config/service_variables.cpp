#include "engine/config/service_variables.hpp"

#include <algorithm>

namespace sluice::config {
namespace {

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

// Behind SLUICE_PORT_: 8080_TCP_ADDR.
bool is_of_a_port(std::string_view rest) {
    if (!take_number(rest)) return false;
    if (!take(rest, "_TCP") && !take(rest, "_UDP") && !take(rest, "_SCTP")) return false;
    return rest.empty() || rest == "_PROTO" || rest == "_PORT" || rest == "_ADDR";
}

}  // namespace

bool is_service_variable(std::string_view name) {
    if (name == "SLUICE_SERVICE_HOST" || name == "SLUICE_SERVICE_PORT" || name == "SLUICE_PORT") return true;
    if (take(name, "SLUICE_SERVICE_PORT_")) return !name.empty();
    return take(name, "SLUICE_PORT_") && is_of_a_port(name);
}

std::vector<std::string> service_variables(std::span<const std::string> environment) {
    std::vector<std::string> names;
    for (const std::string_view entry : environment)
        if (const std::string_view name = entry.substr(0, entry.find('=')); is_service_variable(name))
            names.emplace_back(name);
    return names;
}

}  // namespace sluice::config
