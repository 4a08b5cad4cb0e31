// Sink URLs, as an operator writes them.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "engine/config/config.hpp"
#include "engine/config/value_error.hpp"

namespace sluice::config {

// The scheme is read in any case (RFC 3986, section 3.1).
// redis://[user[:password]@]host[:port][/db]   host: a name, IPv4, or [IPv6]; user and password percent-encoded
// redis+unix:///path[?db=N]                    percent-encoded path; credentials come from sink.redis.*
// redis-cluster://[user[:password]@]host[:port],…               any nodes of the cluster
// redis-sentinel://[user[:password]@]host[:port],…/name[/db]    sentinels, and the name of the primary they watch
// journal:directory                            a journal on local disk; the directory as it is, not percent-encoded
// rediss://, rediss-cluster://, rediss-sentinel://              the same over TLS
// null:                                        counts and discards
[[nodiscard]] std::expected<SinkUrl, ValueError> parse_sink_url(std::string_view text);

// Whether two URLs, of which one may have lost its password, name the same servers and database. Credentials do not
// count, and localhost is 127.0.0.1 and ::1. False of URLs that differ otherwise: other names may lead to one server.
[[nodiscard]] bool names_the_same(std::string_view a, std::string_view b);

// A URL, well-formed or not, that may be shown: all that may be a password is ***. Used for what parse_sink_url
// refused, where no part can be trusted to be what its place says.
[[nodiscard]] std::string redact_url(std::string_view text);

}  // namespace sluice::config
