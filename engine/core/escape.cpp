#include "engine/core/escape.hpp"

#include <algorithm>
#include <array>

#include "engine/core/utf8.hpp"

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

}  // namespace

std::size_t printable_length(std::string_view bytes) {
    const Utf8Character character = first_utf8_character(bytes);
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
