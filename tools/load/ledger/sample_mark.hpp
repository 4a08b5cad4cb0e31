// The mark of a sample of `sluice-load`: its device and its seq, as they stand in Redis. Where the seq is depends on
// the format that the sample came in: a member of its own (JSON, Protocol Buffers), else one of `values` (line
// protocol), else one of `metadata` (remote write, where it is a text, and OpenTelemetry). Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::load {

struct SampleMark {
    std::string device;
    std::uint64_t seq = 0;
};

// Of a sample as a JSON object; nothing if it has no device or no seq.
[[nodiscard]] std::optional<SampleMark> mark_of_json(std::string_view text);

// The fields of an entry of layout `fields`; empty: there is no such field. `values` and `metadata` are JSON.
struct EntryFields {
    std::string_view device, seq, values, metadata;
};
[[nodiscard]] std::optional<SampleMark> mark_of_fields(const EntryFields& fields);

}  // namespace sluice::load
