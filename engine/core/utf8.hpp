// One character of UTF-8 (RFC 3629): for paths that look at few characters. Pure. Any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice {

struct Utf8Character {
    char32_t code_point = 0;
    std::size_t length = 0;  // bytes; 0: the bytes begin with none
};

// `bytes` is not empty.
[[nodiscard]] Utf8Character first_utf8_character(std::string_view bytes);

}  // namespace sluice
