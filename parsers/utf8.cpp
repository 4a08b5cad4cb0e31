#include "parsers/utf8.hpp"

#include <simdjson.h>

#include "engine/core/utf8.hpp"

namespace sluice::parsers {

bool has_control_character_slow(std::string_view text) {
    bool found = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        found |= c < 0x20 || c == 0x7F;
        if (c == 0xC2 && i + 1 < text.size()) found |= static_cast<unsigned char>(text[i + 1]) < 0xA0;
    }
    return found;
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

std::size_t first_invalid_utf8(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t length = first_utf8_character(text.substr(at)).length;
        if (length == 0) return at;
        at += length;
    }
    return text.size();
}

}  // namespace sluice::parsers
