// Where a text stops being JSON. Cold: asked only of what was found not to be JSON, because simdjson tells that, and
// not where. Reads each byte once; keeps nothing, allocates nothing. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::parsers {

struct JsonFault {
    enum class Kind : std::uint8_t {
        none,          // the text is JSON; the offset is its end
        syntax,        // RFC 8259; also a lone surrogate
        too_deep,      // a bracket beyond `levels_max`
        second_value,  // a whole value, and behind it the opening bracket of another one
    };
    Kind kind;
    // The first byte that no JSON text has there; the end of the text where more would have to follow. Of an escape
    // that is half a surrogate pair: where the other half should be, or the backslash of a second half without a first
    // one.
    std::size_t offset;
};

// `text` is one JSON value, perhaps with white space around it. Whether it is UTF-8 is not looked at. `levels_max`
// brackets may be open at once, at most 64.
[[nodiscard]] JsonFault find_json_fault(std::string_view text, std::size_t levels_max);

}  // namespace sluice::parsers
