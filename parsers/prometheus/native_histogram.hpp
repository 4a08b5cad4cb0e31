// NativeHistogram: a native histogram of Prometheus, read from its message and written as JSON. Views into the message.
// The thread of its decoder.
#pragma once

#include <cstdint>
#include <string_view>

#include "parsers/json_writer.hpp"
#include "parsers/protobuf/wire.hpp"

namespace sluice::parsers {

class NativeHistogram {
  public:
    // False: it is no such message.
    [[nodiscard]] bool read(std::string_view message);
    // Its lists are whole, and the spans of each side have as many buckets as there are counts.
    [[nodiscard]] bool is_valid() const;

    // {"count":…,"sum":…}
    void write_values(JsonWriter& out) const;
    // {"schema":…,"zero_threshold":…,"zero_count":…,"positive":{"spans":[[offset,length],…],"counts":[…]},
    // "negative":…,"custom_values":[…]}: sides and custom values only where there are some. Counts are absolute.
    void write_buckets(JsonWriter& out) const;

    [[nodiscard]] double sum() const { return sum_; }
    [[nodiscard]] std::int64_t timestamp_ms() const { return timestamp_ms_; }
    [[nodiscard]] std::int64_t start_ms() const { return start_ms_; }

  private:
    // The buckets above or below zero. Repeated fields are read where they stand: in the message, packed or not.
    struct Side {
        std::uint32_t span_number, delta_number, count_number;  // of the fields
    };
    static constexpr Side negative{8, 9, 10}, positive{11, 12, 13};

    [[nodiscard]] bool is_valid(const Side& side) const;
    [[nodiscard]] bool has(const Side& side) const;
    void write(const Side& side, std::string_view name, JsonWriter& out) const;
    // False: a list or a message in it is cut off.
    template <typename Take>
    [[nodiscard]] bool takes_each_span(const Side& side, Take&& take) const;

    std::string_view message_;
    bool is_float_ = false;  // its counts are
    std::uint64_t count_ = 0;
    double count_real_ = 0;
    double sum_ = 0;
    std::int64_t schema_number_ = 0;
    double zero_threshold_ = 0;
    std::uint64_t zero_count_ = 0;
    double zero_count_real_ = 0;
    bool has_custom_values_ = false;
    std::int64_t timestamp_ms_ = 0;
    std::int64_t start_ms_ = 0;
};

}  // namespace sluice::parsers
