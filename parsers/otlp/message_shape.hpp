// The messages of OTLP that are read, as JSON names their fields: opentelemetry/proto/common/v1/common.proto,
// resource/v1/resource.proto, metrics/v1/metrics.proto, collector/metrics/v1/metrics_service.proto. Constants.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::parsers::otlp {

// varint is uint32 or uint64; sint64 an int64 as varint; zigzag a sint32; fixed64 unsigned, sfixed64 signed.
enum class FieldType : std::uint8_t { text, bytes, boolean, varint, sint64, zigzag, fixed64, sfixed64, real, message };

struct FieldShape {
    std::string_view name;
    std::uint32_t number;
    FieldType type;
    bool is_repeated = false;
    // Of a message. A function, because an array of values has values.
    std::span<const FieldShape> (*shape)() = nullptr;
};

using MessageShape = std::span<const FieldShape>;

// ExportMetricsServiceRequest.
[[nodiscard]] MessageShape request_shape();

}  // namespace sluice::parsers::otlp
