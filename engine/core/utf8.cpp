#include "engine/core/utf8.hpp"

#include <array>

namespace sluice {
namespace {

// RFC 3629, section 3: bytes of the sequence that a first byte announces; 0: it begins none.
constexpr std::size_t announced_length(unsigned char first) {
    if (first < 0x80) return 1;
    if (first < 0xC2) return 0;  // a continuation, or an overlong form of ASCII
    if (first < 0xE0) return 2;
    if (first < 0xF0) return 3;
    return first < 0xF5 ? 4 : 0;  // up to U+10FFFF
}

}  // namespace

Utf8Character first_utf8_character(std::string_view bytes) {
    const auto first = static_cast<unsigned char>(bytes.front());
    const std::size_t length = announced_length(first);
    if (length < 2 || length > bytes.size()) return {first, length == 1 ? 1u : 0u};
    char32_t code_point = first & (0x7Fu >> length);
    for (const char byte : bytes.substr(1, length - 1)) {
        const auto value = static_cast<unsigned char>(byte);
        if ((value & 0xC0) != 0x80) return {};
        code_point = code_point << 6 | (value & 0x3Fu);
    }
    constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};  // below it the form is overlong
    const bool is_surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (code_point < least[length] || is_surrogate || code_point > 0x10FFFF) return {};
    return {code_point, length};
}

}  // namespace sluice
