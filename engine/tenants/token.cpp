#include "engine/tenants/token.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <span>

namespace sluice::tenants {
namespace {

constexpr std::string_view base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view id_letters = "abcdefghijklmnopqrstuvwxyz012345";  // 32 of them: 5 bits each
constexpr std::string_view hexadecimal = "0123456789abcdef";
constexpr std::string_view hash_begin = "sha256:";

bool is_id_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_secret_letter(char c) { return base64url.contains(c); }

std::string secret_text(std::span<const std::uint8_t> bytes) {
    std::string text;
    std::uint32_t bits = 0;
    int bits_count = 0;
    for (const std::uint8_t byte : bytes) {
        bits = bits << 8 | byte;
        for (bits_count += 8; bits_count >= 6;) text += base64url[bits >> (bits_count -= 6) & 63];
    }
    if (bits_count != 0) text += base64url[bits << (6 - bits_count) & 63];
    return text;
}

}  // namespace

bool is_token_id(std::string_view text) {
    return text.size() == token_id_bytes && std::ranges::all_of(text, is_id_letter);
}

std::string_view token_id(std::string_view text) {
    if (text.size() != token_bytes || !text.starts_with(token_begin)) return {};
    const std::string_view id = text.substr(token_begin.size(), token_id_bytes);
    const std::string_view secret = text.substr(token_bytes - token_secret_bytes);
    const bool is_whole = is_token_id(id) && text[token_begin.size() + token_id_bytes] == '_' &&
                          std::ranges::all_of(secret, is_secret_letter);
    return is_whole ? id : std::string_view{};
}

std::string hash_text(const Digest& digest) {
    std::string text(hash_begin);
    for (const std::uint8_t byte : digest) {
        text += hexadecimal[byte >> 4];
        text += hexadecimal[byte & 15];
    }
    return text;
}

std::optional<Digest> parse_hash(std::string_view text) {
    Digest digest{};
    if (!text.starts_with(hash_begin)) return std::nullopt;
    text.remove_prefix(hash_begin.size());
    if (text.size() != 2 * digest.size()) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::size_t digit = hexadecimal.find(text[i]);
        if (digit == std::string_view::npos) return std::nullopt;
        digest[i / 2] = static_cast<std::uint8_t>(digest[i / 2] << 4 | digit);
    }
    return digest;
}

std::expected<NewToken, std::string> make_token() {
    std::array<std::uint8_t, token_id_bytes + 32> bytes;
    // At most 256 bytes are given whole or not at all (getrandom(2)).
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        return std::unexpected("the kernel gives no random bytes");
    NewToken made;
    for (std::size_t i = 0; i < token_id_bytes; ++i) made.id += id_letters[bytes[i] % id_letters.size()];
    made.token = std::string(token_begin) + made.id + "_" + secret_text(std::span(bytes).subspan(token_id_bytes));
    made.hash = hash_text(Sha256()(made.token));
    return made;
}

}  // namespace sluice::tenants
