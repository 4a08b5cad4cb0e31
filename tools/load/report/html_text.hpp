// Escapes text for an HTML page: what a user, a server or a file said can neither open a tag nor leave an attribute.
// Pure function.
#pragma once

#include <string>
#include <string_view>

namespace sluice::load {

// Control characters become spaces. Bytes that are not UTF-8 stay; a browser shows them as U+FFFD.
[[nodiscard]] inline std::string escaped_html(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char byte : text) {
        switch (byte) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += (byte >= 0 && byte < ' ') || byte == 0x7f ? ' ' : byte;
        }
    }
    return out;
}

}  // namespace sluice::load
