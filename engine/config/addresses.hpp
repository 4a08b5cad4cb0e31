// Addresses to listen on and addresses of servers, as an operator writes them.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "engine/config/config.hpp"
#include "engine/config/value_error.hpp"

namespace sluice::config {

// `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/sluice.sock`; `localhost:8080` for 127.0.0.1 and ::1, `:8080` or `*:8080`
// for all interfaces (0.0.0.0 and ::). Other names are refused: a name may resolve to several addresses, or to another
// one tomorrow. The path of a Unix socket is taken as it is; it holds no comma, which separates addresses.
[[nodiscard]] std::expected<ListenAddress, ValueError> parse_listen_address(std::string_view text);
[[nodiscard]] std::string format_listen_address(const ListenAddress& address);

// The same with numeric addresses only: `127.0.0.1:8080,[::1]:8080` for localhost.
[[nodiscard]] std::string format_numeric(const ListenAddress& address);
// 0.0.0.0 or ::.
[[nodiscard]] bool is_every_interface(const ListenAddress& address);
// Of this machine only: a Unix socket, 127.0.0.0/8 or ::1.
[[nodiscard]] bool is_loopback(const ListenAddress& address);

// Why both cannot be listened on at the same time: listed_twice, covered (0.0.0.0:80 and 127.0.0.1:80) or
// covered_by_localhost (localhost:80 and 127.0.0.1:80). Nothing if
// they can: port 0 never collides, and [::] leaves IPv4 to others.
[[nodiscard]] std::optional<ValueError> collision_of(const ListenAddress& a, const ListenAddress& b);

// The one way to write a numeric address of `family` (AF_INET, AF_INET6), or nothing if it is none.
[[nodiscard]] std::optional<std::string> canonical_address(std::string_view text, int family);

// `redis.local:6379`, `[::1]:6379`.
[[nodiscard]] std::string format_server(const ServerAddress& server);

}  // namespace sluice::config
