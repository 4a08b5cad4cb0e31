// `host:port` as it stands in addresses and URLs: taken apart, and put together.
//
// Why no library: curl's parser normalises hosts and would tie the engine to a shared library; uriparser has no archive
// in Debian, and refuses the lists of servers that sink URLs hold. What is left to write by hand is this file.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

struct HostPort {
    std::string_view host;  // without brackets
    std::optional<std::string_view> port;  // what follows the colon, if there is one
    bool is_bracketed = false;
};

// `host`, `host:port`, `[v6]`, `[v6]:port`; the last colon counts. Nothing where a bracket is not closed or is not
// followed by a colon. Views into `text`.
[[nodiscard]] constexpr std::optional<HostPort> split_host_port(std::string_view text) {
    const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
    if (bracket == std::string_view::npos) return std::nullopt;
    if (bracket != 0) {
        const std::string_view host = text.substr(1, bracket - 1), rest = text.substr(bracket + 1);
        if (rest.empty()) return HostPort{host, std::nullopt, true};
        return rest.front() == ':' ? std::optional(HostPort{host, rest.substr(1), true}) : std::nullopt;
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return HostPort{text, std::nullopt};
    return HostPort{text.substr(0, colon), text.substr(colon + 1)};
}

// 0 to 65535, digits only.
[[nodiscard]] inline std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && stop == text.data() + text.size() ? std::optional(port) : std::nullopt;
}

// With brackets around IPv6.
[[nodiscard]] inline std::string join_host_port(std::string_view host, std::uint16_t port) {
    const bool is_v6 = host.contains(':');
    return (is_v6 ? "[" : "") + std::string(host) + (is_v6 ? "]:" : ":") + std::to_string(port);
}

}  // namespace sluice
