#include "tools/load/format/body_format.hpp"

#include <algorithm>
#include <array>

namespace sluice::load {
namespace {

constexpr std::string_view protobuf_type = "application/x-protobuf", json_type = "application/json";
constexpr std::string_view remote_write_version = "X-Prometheus-Remote-Write-Version";

// In the order of BodyFormat.
constexpr std::array rows{
    FormatInfo{BodyFormat::json, "json", "/telemetry", json_type, {}, {}},
    FormatInfo{BodyFormat::ndjson, "ndjson", "/telemetry", "application/x-ndjson", {}, {}},
    FormatInfo{BodyFormat::influx, "influx", "/write?db=telemetry", "text/plain; charset=utf-8", {}, {}},
    FormatInfo{BodyFormat::influx_v2,
               "influx-v2",
               "/api/v2/write?org=telemetry&bucket=telemetry",
               "text/plain; charset=utf-8",
               {},
               {}},
    FormatInfo{BodyFormat::remote_write, "remote-write", "/api/v1/write", protobuf_type, remote_write_version, "0.1.0",
               ContentCoding::snappy},
    FormatInfo{BodyFormat::remote_write_2, "remote-write-2", "/api/v1/write",
               "application/x-protobuf;proto=io.prometheus.write.v2.Request", remote_write_version, "2.0.0",
               ContentCoding::snappy},
    FormatInfo{BodyFormat::otlp, "otlp", "/v1/metrics", protobuf_type, "Accept", protobuf_type},
    FormatInfo{BodyFormat::otlp_json, "otlp-json", "/v1/metrics", json_type, "Accept", json_type},
    FormatInfo{BodyFormat::protobuf, "protobuf", "/telemetry", "application/x-protobuf;proto=sluice.v1.TelemetryBatch",
               "Accept", json_type},
    FormatInfo{BodyFormat::protobuf_delimited, "protobuf-delimited", "/telemetry",
               "application/x-protobuf-delimited;proto=sluice.v1.TelemetrySample", "Accept", json_type},
};

constexpr bool is_in_order() {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (static_cast<std::size_t>(rows[i].format) != i) return false;
    return true;
}
static_assert(is_in_order());

}  // namespace

const FormatInfo& info_of(BodyFormat format) { return rows[static_cast<std::size_t>(format)]; }

std::optional<BodyFormat> body_format_of(std::string_view name) {
    const auto* const row = std::ranges::find(rows, name, &FormatInfo::name);
    return row == rows.end() ? std::nullopt : std::optional(row->format);
}

std::string format_names() {
    std::string names;
    for (const FormatInfo& row : rows) names.append(names.empty() ? "" : ", ").append(row.name);
    return names;
}

std::string path_of(const FormatInfo& format, const std::string& path) {
    if (path != "/" && !path.starts_with("/?")) return path;
    std::string whole(format.path);
    if (path.size() > 2) whole.append(whole.contains('?') ? "&" : "?").append(path, 2);
    return whole;
}

}  // namespace sluice::load
