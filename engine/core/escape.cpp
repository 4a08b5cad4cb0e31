#include "engine/core/escape.hpp"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

struct CodePoints {
    char32_t first, last;
};

// What terminals act upon or nobody can see: general categories Cc, Cf, Zl, Zp and Co and the noncharacters of the
// Unicode Character Database (15.0), and the mark of a cut value. Sorted.
constexpr std::array not_shown{CodePoints{0x80, 0x9F},       CodePoints{0xAD, 0xAD},       CodePoints{0x600, 0x605},
                               CodePoints{0x61C, 0x61C},     CodePoints{0x6DD, 0x6DD},     CodePoints{0x70F, 0x70F},
                               CodePoints{0x890, 0x891},     CodePoints{0x8E2, 0x8E2},     CodePoints{0x180E, 0x180E},
                               CodePoints{0x200B, 0x200F},   CodePoints{0x2026, 0x2026},   CodePoints{0x2028, 0x202E},
                               CodePoints{0x2060, 0x206F},   CodePoints{0xE000, 0xF8FF},   CodePoints{0xFDD0, 0xFDEF},
                               CodePoints{0xFEFF, 0xFEFF},   CodePoints{0xFFF0, 0xFFFB},   CodePoints{0xFFFE, 0xFFFF},
                               CodePoints{0x110BD, 0x110CD}, CodePoints{0x13430, 0x1343F}, CodePoints{0x1BCA0, 0x1BCA3},
                               CodePoints{0x1D173, 0x1D17A}, CodePoints{0x1FFFE, 0x1FFFF}, CodePoints{0x2FFFE, 0x2FFFF},
                               CodePoints{0x3FFFE, 0x10FFFF}};  // the planes 4 to 16: unassigned, tags, private use

constexpr bool is_shown(char32_t code_point) {
    const auto* const range = std::ranges::lower_bound(not_shown, code_point, {}, &CodePoints::last);
    return range == not_shown.end() || code_point < range->first;
}

// RFC 3629, section 3: bytes of the sequence that a first byte announces; 0: it begins none.
constexpr std::size_t announced_length(unsigned char first) {
    if (first < 0x80) return 1;
    if (first < 0xC2) return 0;  // a continuation, or an overlong form of ASCII
    if (first < 0xE0) return 2;
    if (first < 0xF0) return 3;
    return first < 0xF5 ? 4 : 0;  // up to U+10FFFF
}

struct Character {
    char32_t code_point = 0;
    std::size_t length = 0;  // 0: no valid UTF-8
};

Character first_character(std::string_view bytes) {
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

}  // namespace

std::size_t printable_length(std::string_view bytes) {
    const Character character = first_character(bytes);
    if (character.length == 1) return is_printable_ascii(bytes.front()) ? 1 : 0;
    return character.length != 0 && is_shown(character.code_point) ? character.length : 0;
}

void append_escaped_byte(std::string& out, char byte, EscapeStyle style) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    if (byte == '"' || byte == '\\') {
        out += '\\';
        out += byte;
    } else if (is_printable_ascii(byte)) {
        out += byte;
    } else {
        const auto value = static_cast<unsigned char>(byte);
        out += style == EscapeStyle::json ? "\\u00" : "\\x";
        out += digits[value >> 4];
        out += digits[value & 15];
    }
}

void append_escaped(std::string& out, std::string_view bytes, std::size_t bytes_max, EscapeStyle style) {
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t length = printable_length(bytes.substr(at));
        if (at + std::max<std::size_t>(length, 1) > bytes_max) {
            out += cut_mark;
            return;
        }
        if (length > 1) out += bytes.substr(at, length);
        else append_escaped_byte(out, bytes[at], style);
        at += std::max<std::size_t>(length, 1);
    }
}

}  // namespace sluice
