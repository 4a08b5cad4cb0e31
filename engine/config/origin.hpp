// What a browser writes into the header Origin (RFC 6454 section 6.2).
#pragma once

#include <string_view>

namespace sluice::config {

// `https://app.example.org`, `http://[::1]:3000`: a scheme, a host, and a port that is not the scheme's own. In lower
// case, since origins are compared byte by byte. Neither `null` nor `*` is one.
[[nodiscard]] bool is_origin(std::string_view text);

}  // namespace sluice::config
