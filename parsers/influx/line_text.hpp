// What the bytes of InfluxDB line protocol are: the classes of its grammar, its numbers and its booleans. Pure
// functions. Private to parsers/influx.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/core/refusal.hpp"
#include "parsers/json_writer.hpp"

namespace sluice::parsers::line {

// What a byte may mean.
enum Class : std::uint8_t {
    comma = 1,
    space = 2,
    equals = 4,
    backslash = 8,
    control = 16,  // 00 to 1F and 7F, so line ends, too
    json_special = 32,  // is escaped in JSON
    non_ascii = 64,
};

inline constexpr auto classes = [] {
    std::array<std::uint8_t, 256> table{};
    for (unsigned byte = 0; byte < 0x20; ++byte) table[byte] = control | json_special;
    for (unsigned byte = 0x80; byte < 0x100; ++byte) table[byte] = non_ascii;
    table[0x7F] = control;
    table[','] = comma;
    table[' '] = space;
    table['='] = equals;
    table['\\'] = backslash | json_special;
    table['"'] = json_special;
    return table;
}();

[[nodiscard]] inline std::uint8_t class_of(char c) { return classes[static_cast<unsigned char>(c)]; }

// A field's value that is no string, as the JSON that means it; a refusal if it is none. Integers have an `i` or a `u`
// behind them and no point in JSON, other numbers always a point or an exponent. `is_boolean` tells which it was.
[[nodiscard]] std::optional<Refusal> write_bare_value(std::string_view token, JsonWriter& out, bool& is_boolean);

}  // namespace sluice::parsers::line
