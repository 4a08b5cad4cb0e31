// The formats that figures tell apart: the values of the label `format`, and the objects of /status by format. Each row
// of formats() (engine/ingest/formats.cpp) names one; several rows may name the same. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice {

enum class IngestFormat : std::uint8_t {
    none,  // no ingest endpoint, or a request that was refused before its path was known
    json,
    protobuf,  // messages of telemetry.proto
    influx,
    remote_write,
    otlp,
    collectd,
};

inline constexpr std::array<std::string_view, 7> ingest_format_names{"none",         "json", "protobuf", "influx",
                                                                     "remote_write", "otlp", "collectd"};
inline constexpr std::size_t ingest_formats_count = ingest_format_names.size();
static_assert(static_cast<std::size_t>(IngestFormat::collectd) == ingest_formats_count - 1);

[[nodiscard]] constexpr std::string_view name_of(IngestFormat format) {
    return ingest_format_names[static_cast<std::size_t>(format)];
}

// All of them, in the order of the enum.
inline constexpr std::array<IngestFormat, ingest_formats_count> ingest_formats = [] {
    std::array<IngestFormat, ingest_formats_count> formats{};
    for (std::size_t i = 0; i < formats.size(); ++i) formats[i] = static_cast<IngestFormat>(i);
    return formats;
}();

// A T for each format. A value.
template <typename T>
struct ByFormat {
    std::array<T, ingest_formats_count> values{};

    [[nodiscard]] T& operator[](IngestFormat format) { return values[static_cast<std::size_t>(format)]; }
    [[nodiscard]] const T& operator[](IngestFormat format) const { return values[static_cast<std::size_t>(format)]; }
    [[nodiscard]] auto begin() { return values.begin(); }
    [[nodiscard]] auto end() { return values.end(); }
    [[nodiscard]] auto begin() const { return values.begin(); }
    [[nodiscard]] auto end() const { return values.end(); }
};

}  // namespace sluice
