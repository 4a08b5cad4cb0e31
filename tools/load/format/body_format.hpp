// BodyFormat: how `sluice-load` writes its samples, and what a request of each format has beside its body. Values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/core/content_coding.hpp"

namespace sluice::load {

enum class BodyFormat : std::uint8_t {
    json,  // a template; batches are arrays
    ndjson,  // a template; batches are lines
    influx,  // line protocol, as clients of InfluxDB 1 send it
    influx_v2,  // the same, as those of InfluxDB 2
    remote_write,  // Prometheus remote write 1.0
    remote_write_2,  // and 2.0
    otlp,  // OpenTelemetry metrics
    otlp_json,
    protobuf,  // a TelemetryBatch of parsers/telemetry/telemetry.proto
    protobuf_delimited,  // its TelemetrySamples, each behind its length
};

struct FormatInfo {
    BodyFormat format;
    std::string_view name;  // of --format
    std::string_view path;  // of the engine, with the query that such clients send
    std::string_view content_type;
    std::string_view header_name, header_value;  // another header that such clients send; empty: none
    ContentCoding coding = ContentCoding::identity;  // unless --encoding names another
};

[[nodiscard]] const FormatInfo& info_of(BodyFormat format);
[[nodiscard]] std::optional<BodyFormat> body_format_of(std::string_view name);
// All names, with commas between.
[[nodiscard]] std::string format_names();

// Whether a BodyWriter makes the bodies, and not a template.
[[nodiscard]] constexpr bool has_writer(BodyFormat format) {
    return format != BodyFormat::json && format != BodyFormat::ndjson;
}

// `path` with its query; where it is only "/", the format's path stands instead.
[[nodiscard]] std::string path_of(const FormatInfo& format, const std::string& path);

}  // namespace sluice::load
