// Sample: one checked measurement, as views into the bytes it came in.
//
// A Sample owns nothing. Its views point into the request body or into the decoder's own buffers and live until the
// decoder is asked for the next sample; the sink's encoder renders them before that.
//
// Whatever format a sample came in, it can be rendered in any layout, written to the journal and read back: `raw` is
// one line of JSON that says all of it, and the value tells its kind.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice {

enum class Priority : std::uint8_t { none, low, medium, high };

[[nodiscard]] constexpr std::string_view name_of(Priority priority) {
    switch (priority) {
        case Priority::none: return "";
        case Priority::low: return "LOW";
        case Priority::medium: return "MEDIUM";
        case Priority::high: return "HIGH";
    }
    return "";
}

enum class ValueKind : std::uint8_t { none, number, boolean, string };

// As the layout `fields` names it.
[[nodiscard]] constexpr std::string_view name_of(ValueKind kind) {
    switch (kind) {
        case ValueKind::none: return "";
        case ValueKind::number: return "number";
        case ValueKind::boolean: return "bool";
        case ValueKind::string: return "string";
    }
    return "";
}

// A member that the schema does not name: kept under its own name.
struct Member {
    std::string_view name;   // unescaped
    std::string_view value;  // a string's unescaped text; anything else as the JSON it came as
    bool is_json = false;    // the value is no string; only formats that are not JSON tell
};

struct Sample {
    std::string_view device_id;     // 1 to 128 bytes of UTF-8, no control characters
    std::int64_t timestamp_ns = 0;  // since 1970; the arrival time if the client sent none
    std::string_view type;          // may be empty if the sample has `values`
    std::string_view value;         // number or bool as it came, string unescaped; empty if the sample has `values`
    ValueKind value_kind = ValueKind::none;  // none if the sample has `values`
    std::string_view unit;          // empty if absent
    std::string_view values;        // raw JSON object; empty if the sample has `type` and `value`
    Priority priority = Priority::none;
    std::string_view metadata;      // raw JSON object; empty if absent
    std::span<const Member> others; // unknown members, in order
    // Canonical JSON: one object that JsonDecoder reads as this sample (with its timestamp in ns, where the format is
    // not JSON), without line breaks and without white space around it. Of a JSON body: the record as it came, a space
    // in place of each line break. At most limits::sample_bytes_max. Empty: whoever asked for samples does not need it
    // (parsers::DecodeOptions).
    std::string_view raw;
    // Who sent it; empty where there are no tenants. Never from the body.
    std::string_view tenant{};
    std::uint16_t stream_index = 0;  // of the tenant's stream, as the encoder counts them; 0: the stream of all
    std::string_view entry_id{};  // of its entry in Redis; only where samples come from a journal
};

}  // namespace sluice
