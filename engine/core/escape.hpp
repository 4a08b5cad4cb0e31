// Foreign bytes made printable: what clients, Redis or an operator sent, for logs and error sentences.
//
// The result is printable ASCII without quotes or backslashes of its own, so it can neither end the
// string that it stands in, nor the line, nor confuse a terminal. Valid UTF-8 is escaped like any other
// non-ASCII: letting it pass would need a table of the code points that terminals act upon.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

// How a byte outside printable ASCII is written.
enum class EscapeStyle : std::uint8_t {
    text,  // \xNN
    json,  // \u00NN: a JSON reader gets code point U+00NN back
};

// The mark of a cut value. It is not ASCII, hence no escaped byte can forge it.
inline constexpr std::string_view cut_mark = "…";

[[nodiscard]] constexpr bool is_printable_ascii(char byte) { return byte >= ' ' && byte <= '~'; }

inline void append_escaped_byte(std::string& out, char byte, EscapeStyle style) {
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

// Appends at most the first `bytes_max` bytes of `bytes`, and cut_mark if there were more. No quotes around.
inline void append_escaped(std::string& out, std::string_view bytes, std::size_t bytes_max,
                           EscapeStyle style = EscapeStyle::text) {
    for (const char byte : bytes.substr(0, bytes_max)) append_escaped_byte(out, byte, style);
    if (bytes.size() > bytes_max) out += cut_mark;
}

// `"…"`: as append_escaped, between double quotes.
[[nodiscard]] inline std::string quoted(std::string_view bytes, std::size_t bytes_max,
                                        EscapeStyle style = EscapeStyle::text) {
    std::string out = "\"";
    append_escaped(out, bytes, bytes_max, style);
    out += '"';
    return out;
}

}  // namespace sluice
