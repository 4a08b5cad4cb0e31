// DataPoint: a data point of any kind of metric, read from its message (opentelemetry/proto/metrics/v1/metrics.proto)
// and written as JSON. Views into the message. The thread of its decoder.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/core/refusal.hpp"
#include "parsers/json_writer.hpp"
#include "parsers/protobuf/wire.hpp"

namespace sluice::parsers::otlp {

enum class PointKind : std::uint8_t { gauge, sum, histogram, exponential_histogram, summary };

[[nodiscard]] constexpr std::string_view name_of(PointKind kind) {
    switch (kind) {
        case PointKind::gauge: return "gauge";
        case PointKind::sum: return "sum";
        case PointKind::histogram: return "histogram";
        case PointKind::exponential_histogram: return "exponential_histogram";
        case PointKind::summary: return "summary";
    }
    return "";
}

class DataPoint {
  public:
    // False: it is no such message.
    [[nodiscard]] bool read(PointKind kind, std::string_view message);
    // Why it cannot be taken: it has no value, or buckets or quantiles that cannot be.
    [[nodiscard]] std::optional<Refusal> fault() const;

    // Calls take(KeyValue message) for each attribute, while it returns true.
    template <typename Take>
    void each_attribute(Take&& take) const {
        WireReader reader(message_);
        WireField field;
        while (reader.next(field))
            if (field.is(attributes_number(), WireType::bytes) && !take(field.bytes)) return;
    }

    [[nodiscard]] bool is_number() const { return kind_ == PointKind::gauge || kind_ == PointKind::sum; }
    // The series goes on, but this time has no value.
    [[nodiscard]] bool has_no_recorded_value() const { return (flag_bits_ & 1) != 0; }
    [[nodiscard]] bool is_finite_number() const;
    [[nodiscard]] std::uint64_t time_ns() const { return time_ns_; }
    [[nodiscard]] std::uint64_t start_ns() const { return start_ns_; }

    // Of a number, or of a point that has no value: as JSON.
    void write_number(JsonWriter& out) const;
    // Of the others: {"count":…,"sum":…,"min":…,"max":…}, those that are set; of a summary its quantiles: "q0.99":…
    void write_values(JsonWriter& out) const;
    // Of histograms: {"bounds":[…],"counts":[…]}, or
    // {"scale":…,"zero_count":…,"zero_threshold":…,"positive":{"offset":…,"counts":[…]},"negative":…}
    [[nodiscard]] bool has_buckets() const {
        return kind_ == PointKind::histogram || kind_ == PointKind::exponential_histogram;
    }
    void write_buckets(JsonWriter& out) const;

  private:
    [[nodiscard]] std::uint32_t attributes_number() const;
    void take_number(const WireField& field);
    void take_histogram(const WireField& field);
    void take_exponential(const WireField& field);
    void take_side(std::string_view buckets, std::string_view& side);
    template <typename Take>
    void each_part(std::uint32_t side_number, Take&& take) const;
    void take_summary(const WireField& field);
    [[nodiscard]] bool has_good_bounds() const;
    [[nodiscard]] bool has_good_sides() const;
    [[nodiscard]] bool has_good_quantiles() const;
    [[nodiscard]] std::size_t quantiles_count() const;
    void write_side(std::string_view name, std::uint32_t side_number, JsonWriter& out) const;
    void write_quantiles(JsonWriter& out) const;

    std::string_view message_;
    PointKind kind_{};
    std::uint64_t start_ns_ = 0, time_ns_ = 0, flag_bits_ = 0;
    std::optional<std::int64_t> integer_;
    std::optional<double> real_;
    std::uint64_t count_ = 0;
    std::optional<double> sum_, min_, max_;
    std::int64_t scale_number_ = 0;
    std::uint64_t zero_count_ = 0;
    double zero_threshold_ = 0;
    std::string_view positive_, negative_;  // Buckets; of several the last
    bool has_side_twice_ = false;
};

}  // namespace sluice::parsers::otlp
