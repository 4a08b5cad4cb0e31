#include "parsers/http/idempotency_key.hpp"

namespace sluice::parsers {
namespace {

constexpr bool is_printable(char c) { return c >= 0x20 && c <= 0x7E; }

// What stands between the quotes of an sf-string, unescaped into `to`.
std::optional<std::size_t> unescape(std::string_view text, std::span<char> to) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (!is_printable(c) || c == '"' || bytes == to.size()) return std::nullopt;
        if (c == '\\') {
            if (++i == text.size()) return std::nullopt;
            c = text[i];
            if (c != '"' && c != '\\') return std::nullopt;
        }
        to[bytes++] = c;
    }
    return bytes;
}

std::optional<std::size_t> copy_bare(std::string_view text, std::span<char> to) {
    constexpr std::string_view excluded = "\"\\,; ";
    if (text.size() > to.size()) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!is_printable(text[i]) || excluded.find(text[i]) != std::string_view::npos) return std::nullopt;
        to[i] = text[i];
    }
    return text.size();
}

}  // namespace

std::optional<std::string_view> read_idempotency_key(std::string_view value, std::span<char> to) {
    const bool is_quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
    const auto bytes = is_quoted ? unescape(value.substr(1, value.size() - 2), to) : copy_bare(value, to);
    if (!bytes || *bytes == 0) return std::nullopt;
    return std::string_view(to.data(), *bytes);
}

}  // namespace sluice::parsers
