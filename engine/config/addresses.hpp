// Listening addresses and sink URLs, as an operator writes them.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "engine/config/config.hpp"
#include "engine/config/value_error.hpp"

namespace sluice::config {

// `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/sluice.sock`. Numeric only: a name may resolve to several addresses, or to
// another one tomorrow. `:8080` is refused, because who opens every interface should have to say so (`0.0.0.0:8080`).
// The path of a Unix socket is taken as it is; it holds no comma, which separates addresses.
[[nodiscard]] std::expected<ListenAddress, ValueError> parse_listen_address(std::string_view text);
[[nodiscard]] std::string format_listen_address(const ListenAddress& address);

// Why both cannot be listened on at the same time: listed_twice or covered (0.0.0.0:80 and 127.0.0.1:80). Nothing if
// they can: port 0 never collides, and [::] leaves IPv4 to others.
[[nodiscard]] std::optional<ValueError> collision_of(const ListenAddress& a, const ListenAddress& b);

// `redis.local:6379`, `[::1]:6379`.
[[nodiscard]] std::string format_server(const ServerAddress& server);

// redis://[user[:password]@]host[:port][/db]   host: a name, IPv4, or [IPv6]; user and password percent-encoded
// redis+unix:///path[?db=N]                    percent-encoded path; credentials come from sink.redis.*
// redis-cluster://[user[:password]@]host[:port],…               any nodes of the cluster
// redis-sentinel://[user[:password]@]host[:port],…/name[/db]    sentinels, and the name of the primary they watch
// journal:directory                            a journal on local disk; the directory as it is, not percent-encoded
// null:                                        counts and discards
[[nodiscard]] std::expected<SinkUrl, ValueError> parse_sink_url(std::string_view text);

// A URL, well-formed or not, that may be shown: all that may be a password is ***. Used for what parse_sink_url
// refused, where no part can be trusted to be what its place says.
[[nodiscard]] std::string redact_url(std::string_view text);

}  // namespace sluice::config
