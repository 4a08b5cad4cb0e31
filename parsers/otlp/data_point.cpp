#include "parsers/otlp/data_point.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "engine/core/limits.hpp"
#include "parsers/protobuf/repeated.hpp"

namespace sluice::parsers::otlp {
namespace {

constexpr std::uint32_t start_number = 2, time_number = 3, count_number = 4, sum_number = 5;  // of all
namespace number {
constexpr std::uint32_t real = 4, integer = 6, attributes = 7, flags = 8;
}
namespace histogram {
constexpr std::uint32_t counts = 6, bounds = 7, attributes = 9, flags = 10, min = 11, max = 12;
}
namespace exponential {
constexpr std::uint32_t attributes = 1, scale = 6, zero_count = 7, positive = 8, negative = 9, flags = 10, min = 12,
                        max = 13, zero_threshold = 14;
constexpr std::uint32_t offset = 1, counts = 2;  // of Buckets
}  // namespace exponential
namespace summary {
constexpr std::uint32_t quantiles = 6, attributes = 7, flags = 8;
constexpr std::uint32_t quantile = 1, value = 2;  // of ValueAtQuantile
}  // namespace summary

struct Quantile {
    double quantile = 0, value = 0;
};

// False: something in it is cut off.
template <typename Take>
bool each_quantile(std::string_view message, Take&& take) {
    bool is_good = true;
    WireReader reader(message);
    WireField field;
    while (reader.next(field)) {
        if (!field.is(summary::quantiles, WireType::bytes)) continue;
        Quantile one;
        WireReader parts(field.bytes);
        WireField part;
        while (parts.next(part)) {
            if (part.is(summary::quantile, WireType::fixed64)) one.quantile = part.real();
            if (part.is(summary::value, WireType::fixed64)) one.value = part.real();
        }
        take(one);
        is_good = is_good && !parts.is_malformed();
    }
    return is_good && !reader.is_malformed();
}

// Writes `[…]`, with write(value) for each element that `each` gives.
template <typename Each, typename Write>
void write_list(JsonWriter& out, Each&& each, Write&& write) {
    out.raw('[');
    bool is_first = true;
    each([&](std::uint64_t value) {
        if (out.is_full()) return;
        if (!is_first) out.raw(',');
        is_first = false;
        write(value);
    });
    out.raw(']');
}

void write_member(std::string_view name, const std::optional<double>& value, JsonWriter& out) {
    if (!value) return;
    out.raw(name);
    out.real(*value);
}

}  // namespace

// --- reading -------------------------------------------------------------------------------------------------------

std::uint32_t DataPoint::attributes_number() const {
    switch (kind_) {
        case PointKind::gauge:
        case PointKind::sum: return number::attributes;
        case PointKind::histogram: return histogram::attributes;
        case PointKind::exponential_histogram: return exponential::attributes;
        case PointKind::summary: return summary::attributes;
    }
    return 0;
}

bool DataPoint::read(PointKind kind, std::string_view message) {
    *this = {};
    message_ = message;
    kind_ = kind;
    WireReader reader(message);
    WireField field;
    while (reader.next(field)) {
        if (field.is(start_number, WireType::fixed64)) start_ns_ = field.value;
        if (field.is(time_number, WireType::fixed64)) time_ns_ = field.value;
        switch (kind) {
            case PointKind::gauge:
            case PointKind::sum: take_number(field); break;
            case PointKind::histogram: take_histogram(field); break;
            case PointKind::exponential_histogram: take_exponential(field); break;
            case PointKind::summary: take_summary(field); break;
        }
    }
    return !reader.is_malformed();
}

// Of the oneof the last one counts.
void DataPoint::take_number(const WireField& field) {
    if (field.is(number::real, WireType::fixed64)) {
        real_ = field.real();
        integer_.reset();
    }
    if (field.is(number::integer, WireType::fixed64)) {
        integer_ = field.integer();
        real_.reset();
    }
    if (field.is(number::flags, WireType::varint)) flag_bits_ = field.value;
}

void DataPoint::take_histogram(const WireField& field) {
    if (field.is(count_number, WireType::fixed64)) count_ = field.value;
    if (field.is(sum_number, WireType::fixed64)) sum_ = field.real();
    if (field.is(histogram::min, WireType::fixed64)) min_ = field.real();
    if (field.is(histogram::max, WireType::fixed64)) max_ = field.real();
    if (field.is(histogram::flags, WireType::varint)) flag_bits_ = field.value;
}

void DataPoint::take_exponential(const WireField& field) {
    if (field.is(count_number, WireType::fixed64)) count_ = field.value;
    if (field.is(sum_number, WireType::fixed64)) sum_ = field.real();
    if (field.is(exponential::scale, WireType::varint)) scale_number_ = from_zigzag(field.value);
    if (field.is(exponential::zero_count, WireType::fixed64)) zero_count_ = field.value;
    if (field.is(exponential::zero_threshold, WireType::fixed64)) zero_threshold_ = field.real();
    if (field.is(exponential::min, WireType::fixed64)) min_ = field.real();
    if (field.is(exponential::max, WireType::fixed64)) max_ = field.real();
    if (field.is(exponential::flags, WireType::varint)) flag_bits_ = field.value;
    if (field.is(exponential::positive, WireType::bytes)) take_side(field.bytes, positive_);
    if (field.is(exponential::negative, WireType::bytes)) take_side(field.bytes, negative_);
}

void DataPoint::take_side(std::string_view buckets, std::string_view& side) {
    has_side_twice_ = has_side_twice_ || !side.empty();
    side = buckets;
}

// A message that comes several times is one (protobuf.dev, "Encoding": last one wins): its lists follow each other.
template <typename Take>
void DataPoint::each_part(std::uint32_t side_number, Take&& take) const {
    if (!has_side_twice_) return take(side_number == exponential::positive ? positive_ : negative_);
    WireReader reader(message_);
    WireField field;
    while (reader.next(field))
        if (field.is(side_number, WireType::bytes)) take(field.bytes);
}

void DataPoint::take_summary(const WireField& field) {
    if (field.is(count_number, WireType::fixed64)) count_ = field.value;
    if (field.is(sum_number, WireType::fixed64)) sum_ = field.real();
    if (field.is(summary::flags, WireType::varint)) flag_bits_ = field.value;
}

// --- what it may be ------------------------------------------------------------------------------------------------

std::optional<Refusal> DataPoint::fault() const {
    if (is_number() && !integer_ && !real_ && !has_no_recorded_value()) return Refusal::missing_number;
    if (kind_ == PointKind::histogram && !has_good_bounds()) return Refusal::bad_histogram;
    if (kind_ == PointKind::exponential_histogram && !has_good_sides()) return Refusal::bad_histogram;
    if (kind_ == PointKind::summary && !has_good_quantiles()) return Refusal::bad_quantile;
    if (kind_ == PointKind::summary && quantiles_count() + 2 > limits::values_count_max)  // beside count and sum
        return Refusal::too_many_values;
    return std::nullopt;
}

// One bucket more than bounds, or neither; bounds that go up.
bool DataPoint::has_good_bounds() const {
    std::uint64_t counts_count = 0, bounds_count = 0;
    double last = -HUGE_VAL;
    bool is_good = true;
    const bool are_counts = takes_each_fixed64(message_, histogram::counts, [&](std::uint64_t) { ++counts_count; });
    const bool are_bounds = takes_each_fixed64(message_, histogram::bounds, [&](std::uint64_t bits) {
        const double bound = std::bit_cast<double>(bits);
        is_good = is_good && std::isfinite(bound) && bound > last;
        last = bound;
        ++bounds_count;
    });
    return are_counts && are_bounds && is_good &&
           (counts_count == bounds_count + 1 || (counts_count == 0 && bounds_count == 0));
}

bool DataPoint::has_good_sides() const {
    bool is_good = true;
    const auto check = [&](std::string_view buckets) {
        is_good = takes_each_varint(buckets, exponential::counts, [](std::uint64_t) {}) && is_good;
    };
    each_part(exponential::positive, check);
    each_part(exponential::negative, check);
    return is_good;
}

std::size_t DataPoint::quantiles_count() const {
    std::size_t count = 0;
    static_cast<void>(each_quantile(message_, [&](const Quantile&) { ++count; }));
    return count;
}

bool DataPoint::has_good_quantiles() const {
    bool is_good = true;
    double last = -1;
    const bool are_whole = each_quantile(message_, [&](const Quantile& one) {
        is_good = is_good && one.quantile >= 0 && one.quantile <= 1 && one.quantile > last;
        last = one.quantile;
    });
    return are_whole && is_good;
}

bool DataPoint::is_finite_number() const {
    return !has_no_recorded_value() && (integer_ || (real_ && std::isfinite(*real_)));
}

// --- writing -------------------------------------------------------------------------------------------------------

void DataPoint::write_number(JsonWriter& out) const {
    if (has_no_recorded_value()) out.real(NAN);
    else if (integer_) out.number(*integer_);
    else out.real(real_.value_or(NAN));
}

void DataPoint::write_values(JsonWriter& out) const {
    out.raw("{\"count\":");
    out.natural(count_);
    // Of a summary it is not optional: a writer leaves out 0.
    write_member(",\"sum\":", kind_ == PointKind::summary ? sum_.value_or(0) : sum_, out);
    write_member(",\"min\":", min_, out);
    write_member(",\"max\":", max_, out);
    if (kind_ == PointKind::summary) write_quantiles(out);
    out.raw('}');
}

void DataPoint::write_quantiles(JsonWriter& out) const {
    static_cast<void>(each_quantile(message_, [&](const Quantile& one) {
        if (out.is_full()) return;
        std::array<char, 32> text;
        const auto end = std::to_chars(text.data(), text.data() + text.size(), one.quantile);
        out.raw(",\"q");
        out.raw({text.data(), static_cast<std::size_t>(end.ptr - text.data())});
        out.raw("\":");
        out.real(one.value);
    }));
}

void DataPoint::write_buckets(JsonWriter& out) const {
    if (kind_ == PointKind::histogram) {
        out.raw("{\"bounds\":");
        write_list(
            out, [&](auto&& take) { static_cast<void>(takes_each_fixed64(message_, histogram::bounds, take)); },
            [&](std::uint64_t bits) { out.real(std::bit_cast<double>(bits)); });
        out.raw(",\"counts\":");
        write_list(
            out, [&](auto&& take) { static_cast<void>(takes_each_fixed64(message_, histogram::counts, take)); },
            [&](std::uint64_t count) { out.natural(count); });
    } else {
        out.raw("{\"scale\":");
        out.number(scale_number_);
        out.raw(",\"zero_count\":");
        out.natural(zero_count_);
        out.raw(",\"zero_threshold\":");
        out.real(zero_threshold_);
        write_side(",\"positive\":", exponential::positive, out);
        write_side(",\"negative\":", exponential::negative, out);
    }
    out.raw('}');
}

void DataPoint::write_side(std::string_view name, std::uint32_t side_number, JsonWriter& out) const {
    std::int64_t offset = 0;
    bool has_counts = false;
    each_part(side_number, [&](std::string_view buckets) {
        static_cast<void>(takes_each_varint(buckets, exponential::counts, [&](std::uint64_t) { has_counts = true; }));
        WireReader reader(buckets);
        WireField field;
        while (reader.next(field))
            if (field.is(exponential::offset, WireType::varint)) offset = from_zigzag(field.value);
    });
    if (!has_counts) return;
    out.raw(name);
    out.raw("{\"offset\":");
    out.number(offset);
    out.raw(",\"counts\":");
    write_list(
        out,
        [&](auto&& take) {
            each_part(side_number, [&](std::string_view buckets) {
                static_cast<void>(takes_each_varint(buckets, exponential::counts, take));
            });
        },
        [&](std::uint64_t count) { out.natural(count); });
    out.raw('}');
}

}  // namespace sluice::parsers::otlp
