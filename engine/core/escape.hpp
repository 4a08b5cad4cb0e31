// Foreign bytes made printable: what clients, Redis or an operator sent, for logs and error sentences. Any thread.
//
// The result has no quotes or backslashes of its own, no control characters and nothing that a terminal acts upon, so
// it can neither end the string that it stands in, nor the line, nor confuse a reader. Valid UTF-8 stays as it is, but
// for the code points that escape.cpp lists; each byte of theirs, and of what is no UTF-8, is escaped.
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

// The mark of a cut value. In a value it is escaped, so that no value can forge it.
inline constexpr std::string_view cut_mark = "…";

[[nodiscard]] constexpr bool is_printable_ascii(char byte) { return byte >= ' ' && byte <= '~'; }

// Bytes of the character that `bytes` begin with; 0: its first byte is to be escaped. `bytes` is not empty.
[[nodiscard]] std::size_t printable_length(std::string_view bytes);

void append_escaped_byte(std::string& out, char byte, EscapeStyle style);

// Appends at most the first `bytes_max` bytes of `bytes`, and cut_mark if there were more. No quotes around. No
// character is cut into.
void append_escaped(std::string& out, std::string_view bytes, std::size_t bytes_max,
                    EscapeStyle style = EscapeStyle::text);

// `"…"`: as append_escaped, between double quotes.
[[nodiscard]] inline std::string quoted(std::string_view bytes, std::size_t bytes_max,
                                        EscapeStyle style = EscapeStyle::text) {
    std::string out = "\"";
    append_escaped(out, bytes, bytes_max, style);
    out += '"';
    return out;
}

}  // namespace sluice
