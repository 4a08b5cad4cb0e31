// SampleBatch: the samples of one request, as they are before a format writes them. All are of one device, with one
// time, and their seqs follow each other. Values.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::load {

inline constexpr std::array<std::string_view, 4> sample_types{"temperature", "humidity", "pressure", "co2"};
inline constexpr std::string_view sample_unit = "celsius";

struct DrawnSample {
    std::uint8_t type_index = 0;  // in sample_types
    double value = 0;
};

struct SampleBatch {
    std::string_view device;  // letters, digits, dots, colons, - and _ only: no format escapes them
    std::uint64_t first_seq = 0;
    std::int64_t timestamp_ns = 0;  // since 1970; whole milliseconds, which every format can say
    std::span<const DrawnSample> samples;

    [[nodiscard]] std::string_view type_of(std::size_t index) const { return sample_types[samples[index].type_index]; }
};

}  // namespace sluice::load
