#include "engine/config/addresses.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "engine/core/control_character.hpp"
#include "engine/core/host_port.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/lower_case.hpp"

namespace sluice::config {
namespace {

std::expected<ListenAddress, ValueError> parse_unix_listener(std::string_view path) {
    const bool is_path = path.starts_with('/') && path.size() <= limits::unix_socket_path_bytes_max;
    if (!is_path || path.contains(',') || has_control_character(path))
        return std::unexpected(ValueError::listen_path_invalid);
    return ListenAddress{.path = std::string(path)};
}

// What people write for an address of each family.
struct Habit {
    std::string_view host;
    std::string_view address, address_v6;
};
constexpr Habit habits[] = {
    {"localhost", "127.0.0.1", "::1"},
    {"", "0.0.0.0", "::"},
    {"*", "0.0.0.0", "::"},
};

std::expected<ListenAddress, ValueError> parse_tcp_listener(std::string_view text) {
    const auto split = split_host_port(text);
    if (!split) return std::unexpected(ValueError::malformed);
    const auto port_text = split->port;
    const bool is_number = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
    if (!port_text) return std::unexpected(is_number ? ValueError::port_only : ValueError::port_missing);
    const auto port = parse_port(*port_text);
    const auto* const habit = std::ranges::find(habits, lower_case(split->host), &Habit::host);
    if (habit != std::end(habits) && !split->is_bracketed) {
        if (!port) return std::unexpected(ValueError::port_invalid);
        return ListenAddress{
            .address = std::string(habit->address), .port = *port, .address_v6 = std::string(habit->address_v6)};
    }
    const auto address = canonical_address(split->host, split->is_bracketed ? AF_INET6 : AF_INET);
    if (!address) return std::unexpected(ValueError::address_not_numeric);
    if (!port) return std::unexpected(ValueError::port_invalid);
    return ListenAddress{.address = *address, .port = *port};
}

bool is_v6(std::string_view address) { return address.contains(':'); }
bool is_wildcard(std::string_view address) { return address == "0.0.0.0" || address == "::"; }

// Of two entries that differ.
std::optional<ValueError> collision_between(std::string_view a, std::string_view b) {
    if (a.empty() || b.empty() || is_v6(a) != is_v6(b)) return std::nullopt;
    if (is_wildcard(a) || is_wildcard(b)) return ValueError::covered;
    return a == b ? std::optional(ValueError::covered_by_localhost) : std::nullopt;
}

}  // namespace

std::optional<std::string> canonical_address(std::string_view text, int family) {
    if (text.find('\0') != std::string_view::npos) return std::nullopt;  // inet_pton would stop there
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    std::array<char, INET6_ADDRSTRLEN> canonical{};
    if (::inet_pton(family, std::string(text).c_str(), bytes.data()) != 1) return std::nullopt;
    if (::inet_ntop(family, bytes.data(), canonical.data(), canonical.size()) == nullptr) return std::nullopt;
    return std::string(canonical.data());
}

std::expected<ListenAddress, ValueError> parse_listen_address(std::string_view text) {
    constexpr std::string_view unix_prefix = "unix:";
    if (lower_case(text.substr(0, unix_prefix.size())) == unix_prefix)
        return parse_unix_listener(text.substr(unix_prefix.size()));
    return parse_tcp_listener(text);
}

std::string format_listen_address(const ListenAddress& address) {
    if (address.is_unix()) return "unix:" + address.path;
    const auto* const habit = std::ranges::find(habits, address.address_v6, &Habit::address_v6);
    return join_host_port(habit == std::end(habits) ? std::string_view(address.address) : habit->host, address.port);
}

std::string format_numeric(const ListenAddress& address) {
    if (address.address_v6.empty()) return format_listen_address(address);
    return join_host_port(address.address, address.port) + "," + join_host_port(address.address_v6, address.port);
}

bool is_every_interface(const ListenAddress& address) { return is_wildcard(address.address); }

bool is_loopback(const ListenAddress& address) {
    return address.is_unix() || address.address.starts_with("127.") || address.address == "::1";
}

std::optional<ValueError> collision_of(const ListenAddress& a, const ListenAddress& b) {
    const bool is_port_chosen = !a.is_unix() && a.port == 0;  // by the kernel, each time another
    if (a == b && !is_port_chosen) return ValueError::listed_twice;
    if (a.is_unix() || b.is_unix() || a.port != b.port || is_port_chosen) return std::nullopt;
    for (const std::string& one : {a.address, a.address_v6})
        for (const std::string& other : {b.address, b.address_v6})
            if (const auto collision = collision_between(one, other)) return collision;
    return std::nullopt;
}

std::string format_server(const ServerAddress& server) { return join_host_port(server.address, server.port); }

}  // namespace sluice::config
