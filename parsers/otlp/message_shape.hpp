// The messages of OTLP that are read, as JSON names their fields: opentelemetry/proto/common/v1/common.proto,
// resource/v1/resource.proto, metrics/v1/metrics.proto, collector/metrics/v1/metrics_service.proto. Constants.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::parsers::otlp {

// varint is uint32 or uint64; sint64 an int64 as varint; zigzag a sint32; enumeration an int32 as varint; fixed64
// unsigned, sfixed64 signed.
enum class FieldType : std::uint8_t {
    text,
    bytes,
    boolean,
    varint,
    enumeration,
    sint64,
    zigzag,
    fixed64,
    sfixed64,
    real,
    message
};

// What is refused if a member of a message cannot be read.
enum class Blame : std::uint8_t {
    outer,  // what the message is part of
    point,  // the message: it is a data point
    points,  // each data point in the message
};

struct MessageShape;

struct FieldShape {
    std::string_view name;
    std::uint32_t number;
    FieldType type;
    bool is_repeated = false;
    // Of a message. A function, because an array of values has values.
    MessageShape (*shape)() = nullptr;
};

struct MessageShape {
    std::span<const FieldShape> fields;
    Blame blame = Blame::outer;
};

// No field of these messages: where JSON has a member that cannot be read, the message made of it has this field, a
// varint that is the Refusal. A data point has no other field then. What a client sends as Protocol Buffers is not
// asked for it.
inline constexpr std::uint32_t refusal_number = 15;

// ExportMetricsServiceRequest.
[[nodiscard]] MessageShape request_shape();

}  // namespace sluice::parsers::otlp
