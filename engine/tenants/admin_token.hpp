// The token of the admin pages, from a file. Start-up; blocks for the disk.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "engine/tenants/sha256.hpp"

namespace sluice::tenants {

// The first line is the token, of 32 to 1,024 bytes of printable ASCII without blanks, or `sha256:` and the 64
// hexadecimal digits of its digest. An error is a sentence that names the file, and holds nothing of what it says.
[[nodiscard]] std::expected<Digest, std::string> read_admin_token(const std::string& path);

}  // namespace sluice::tenants
