// Field numbers of the messages of Prometheus remote write. Constants.
#pragma once

#include <cstdint>

namespace sluice::parsers::remote_write {

// Of prometheus.WriteRequest; metadata (3) comes without samples, and is passed over.
namespace v1 {
constexpr std::uint32_t series = 1, metadata = 3;
constexpr std::uint32_t label = 1, sample = 2, exemplar = 3, histogram = 4;  // of TimeSeries
constexpr std::uint32_t label_name = 1, label_value = 2;
}  // namespace v1

// Of io.prometheus.write.v2.Request.
namespace v2 {
constexpr std::uint32_t symbol = 4, series = 5;
constexpr std::uint32_t label_refs = 1, sample = 2, histogram = 3, exemplar = 4, metadata = 5;  // of TimeSeries
constexpr std::uint32_t metadata_type = 1, metadata_unit_ref = 4;
constexpr std::uint32_t sample_start = 3;
constexpr std::uint32_t exemplar_refs = 1;
}  // namespace v2

// Of both.
constexpr std::uint32_t sample_value = 1, sample_timestamp = 2;
constexpr std::uint32_t exemplar_label = 1, exemplar_value = 2, exemplar_timestamp = 3;

}  // namespace sluice::parsers::remote_write
