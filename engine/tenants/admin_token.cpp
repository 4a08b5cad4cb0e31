#include "engine/tenants/admin_token.hpp"

#include <algorithm>

#include "engine/config/toml_file.hpp"
#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"
#include "engine/tenants/token.hpp"

namespace sluice::tenants {
namespace {

// Shorter ones are words that can be guessed.
constexpr std::size_t token_bytes_min = 32;

bool is_printable(char c) { return c > ' ' && c <= '~'; }

}  // namespace

std::expected<Digest, std::string> read_admin_token(const std::string& path) {
    std::string place;
    append_escaped(place, path, limits::directory_path_bytes_max);
    const auto text = config::read_toml_text(path);
    if (!text) return std::unexpected(place + ": " + text.error().what);
    std::string_view line = std::string_view(*text).substr(0, text->find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (const auto digest = parse_hash(line)) return *digest;
    const bool is_token = line.size() >= token_bytes_min && line.size() <= limits::credential_header_bytes_max &&
                          std::ranges::all_of(line, is_printable);
    if (is_token) return Sha256()(line);
    return std::unexpected(place +
                           ": the first line is no token of 32 to 1024 printable characters without blanks, and " +
                           "no hash of one; `sluice token new --tenant admin` makes both");
}

}  // namespace sluice::tenants
