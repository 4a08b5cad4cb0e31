// The grammar of Host and of a request target (RFC 9112 sections 3.2 to 3.2.4, RFC 3986). Values. Any thread.
#pragma once

#include <string_view>

#include "parsers/http/method.hpp"

namespace sluice::parsers {

// Host = uri-host [ ":" port ], or empty (RFC 9110 section 7.2, RFC 9112 section 3.2). A host is an address in
// brackets, or a name; an IPv4 address is a name by its characters.
[[nodiscard]] bool is_host(std::string_view value);

// A target that a server understands: a path with or without a query; an http URI with a host and without userinfo and
// fragment (RFC 9110 sections 4.2.1 and 4.2.4); or `*` with OPTIONS.
[[nodiscard]] bool is_target(std::string_view target, Method method);

}  // namespace sluice::parsers
