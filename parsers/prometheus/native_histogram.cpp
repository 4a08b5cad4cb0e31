#include "parsers/prometheus/native_histogram.hpp"

#include <algorithm>
#include <utility>

#include "engine/core/limits.hpp"
#include "parsers/protobuf/repeated.hpp"

namespace sluice::parsers {
namespace {

// Of prometheus.Histogram and io.prometheus.write.v2.Histogram, which have the same numbers.
constexpr std::uint32_t count_int = 1, count_float = 2, sum_number = 3, schema = 4, zero_threshold = 5,
                        zero_count_int = 6, zero_count_float = 7, timestamp = 15, custom_value = 16, start = 17;
constexpr std::uint32_t span_offset = 1, span_length = 2;

// More buckets than a record could hold as JSON.
constexpr std::uint64_t buckets_count_max = limits::sample_bytes_max;

}  // namespace

bool NativeHistogram::read(std::string_view message) {
    message_ = message;
    WireReader reader(message);
    WireField field;
    while (reader.next(field)) {
        if (field.is(count_int, WireType::varint)) count_ = field.value;
        if (field.is(count_float, WireType::fixed64)) count_real_ = field.real();
        is_float_ = is_float_ || field.is(count_float, WireType::fixed64);
        if (field.is(sum_number, WireType::fixed64)) sum_ = field.real();
        if (field.is(schema, WireType::varint)) schema_number_ = from_zigzag(field.value);
        if (field.is(zero_threshold, WireType::fixed64)) zero_threshold_ = field.real();
        if (field.is(zero_count_int, WireType::varint)) zero_count_ = field.value;
        if (field.is(zero_count_float, WireType::fixed64)) zero_count_real_ = field.real();
        if (field.is(timestamp, WireType::varint)) timestamp_ms_ = field.integer();
        if (field.is(start, WireType::varint)) start_ms_ = field.integer();
        has_custom_values_ = has_custom_values_ || field.number == custom_value;
    }
    return !reader.is_malformed();
}

bool NativeHistogram::is_valid() const {
    return is_valid(negative) && is_valid(positive) && takes_each_real(message_, custom_value, [](double) {});
}

bool NativeHistogram::is_valid(const Side& side) const {
    std::uint64_t in_spans = 0, counts = 0;
    const bool are_spans = takes_each_span(
        side, [&](std::int64_t, std::uint64_t length) { in_spans += std::min(length, buckets_count_max); });
    const bool are_counts = is_float_
                                ? takes_each_real(message_, side.count_number, [&](double) { ++counts; })
                                : takes_each_varint(message_, side.delta_number, [&](std::uint64_t) { ++counts; });
    // Of the other kind of counts nothing is kept, but a list that is cut off is no message.
    const bool is_other_whole = is_float_ ? takes_each_varint(message_, side.delta_number, [](std::uint64_t) {})
                                          : takes_each_real(message_, side.count_number, [](double) {});
    return are_spans && are_counts && is_other_whole && in_spans == counts;
}

bool NativeHistogram::has(const Side& side) const {
    bool found = false;
    static_cast<void>(takes_each_span(side, [&](std::int64_t, std::uint64_t) { found = true; }));
    return found;
}

void NativeHistogram::write_values(JsonWriter& out) const {
    out.raw("{\"count\":");
    if (is_float_) out.real(count_real_);
    else out.natural(count_);
    out.raw(",\"sum\":");
    out.real(sum_);
    out.raw('}');
}

void NativeHistogram::write_buckets(JsonWriter& out) const {
    out.raw("{\"schema\":");
    out.number(schema_number_);
    out.raw(",\"zero_threshold\":");
    out.real(zero_threshold_);
    out.raw(",\"zero_count\":");
    if (is_float_) out.real(zero_count_real_);
    else out.natural(zero_count_);
    if (has(positive)) write(positive, ",\"positive\":", out);
    if (has(negative)) write(negative, ",\"negative\":", out);
    if (has_custom_values_) {
        std::string_view mark = ",\"custom_values\":[";
        static_cast<void>(takes_each_real(message_, custom_value, [&](double value) {
            out.raw(std::exchange(mark, ","));
            out.real(value);
        }));
        if (mark == ",") out.raw(']');
    }
    out.raw('}');
}

void NativeHistogram::write(const Side& side, std::string_view name, JsonWriter& out) const {
    out.raw(name);
    std::string_view mark = "{\"spans\":[";
    static_cast<void>(takes_each_span(side, [&](std::int64_t offset, std::uint64_t length) {
        out.raw(std::exchange(mark, ","));
        out.raw('[');
        out.number(offset);
        out.raw(',');
        out.natural(length);
        out.raw(']');
    }));
    out.raw("],\"counts\":[");
    mark = "";
    if (is_float_) {
        static_cast<void>(takes_each_real(message_, side.count_number, [&](double count) {
            out.raw(std::exchange(mark, ","));
            out.real(count);
        }));
    } else {
        std::uint64_t count = 0;
        static_cast<void>(takes_each_varint(message_, side.delta_number, [&](std::uint64_t delta) {
            count += static_cast<std::uint64_t>(from_zigzag(delta));
            out.raw(std::exchange(mark, ","));
            out.number(static_cast<std::int64_t>(count));
        }));
    }
    out.raw("]}");
}

// --- repeated fields -----------------------------------------------------------------------------------------------

template <typename Take>
bool NativeHistogram::takes_each_span(const Side& side, Take&& take) const {
    bool is_good = true;
    WireReader reader(message_);
    WireField field;
    while (reader.next(field)) {
        if (!field.is(side.span_number, WireType::bytes)) continue;
        std::int64_t offset = 0;
        std::uint64_t length = 0;
        WireReader span(field.bytes);
        WireField part;
        while (span.next(part)) {
            if (part.is(span_offset, WireType::varint)) offset = from_zigzag(part.value);
            if (part.is(span_length, WireType::varint)) length = part.value;
        }
        take(offset, length);
        is_good = is_good && !span.is_malformed();
    }
    return is_good;
}

}  // namespace sluice::parsers
