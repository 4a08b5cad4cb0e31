#include "tests/fuzz/remote_write_tree.hpp"

#include <array>
#include <bit>
#include <utility>

#include "parsers/utf8.hpp"

namespace sluice::tests {
namespace {

constexpr std::uint64_t stale_bits = 0x7ff0'0000'0000'0002;
constexpr std::array kind_names{"", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"};
constexpr std::array device_names{"device_id", "instance", "job"};

// What the records of a series have in common.
struct Series {
    std::vector<std::pair<std::string, std::string>> labels;  // without those of an empty value
    std::string kind, unit;

    [[nodiscard]] std::string value_of(std::string_view name) const {
        for (const auto& [known, value] : labels)
            if (known == name) return value;
        return {};
    }
    [[nodiscard]] std::string device() const {
        for (const char* const name : device_names)
            if (std::string device = value_of(name); !device.empty()) return device;
        return value_of("__name__");
    }
};

std::int64_t ns_of(std::int64_t ms) {
    constexpr std::int64_t ns_per_ms = 1'000'000;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(ms) * ns_per_ms);  // what is too much is refused
}

Json prometheus_of(const Series& series, std::int64_t start_ms) {
    Json object;
    if (!series.kind.empty()) object["kind"] = series.kind;
    if (start_ms > 0 && start_ms <= INT64_MAX / 1'000'000) object["start"] = ns_of(start_ms);
    return object;
}

// The members around `value`, which is of the member `name`.
Json record_of(const Series& series, std::string_view name, Json value, std::int64_t timestamp_ms) {
    Json record;
    record["device_id"] = series.device();
    record["type"] = series.value_of("__name__");
    record[std::string(name)] = std::move(value);
    if (!series.unit.empty()) record["unit"] = series.unit;
    record["timestamp"] = ns_of(timestamp_ms);
    Json labels;
    for (const auto& [label, text] : series.labels)
        if (label != "__name__") labels[label] = text;
    if (!labels.is_null()) record["metadata"] = std::move(labels);
    return record;
}

void finish(const Series& series, double value, std::int64_t start_ms, Json& record) {
    if (std::bit_cast<std::uint64_t>(value) == stale_bits) record["stale"] = true;
    if (Json object = prometheus_of(series, start_ms); !object.is_null()) record["prometheus"] = std::move(object);
}

Json reals_of(const google::protobuf::RepeatedField<double>& reals) {
    Json list = Json::array();
    for (const double real : reals) list.push_back(json_of(real));
    return list;
}

Json side_of(const google::protobuf::RepeatedPtrField<remote_write::BucketSpan>& spans, Json counts) {
    Json side;
    side["spans"] = Json::array();
    for (const remote_write::BucketSpan& span : spans) side["spans"].push_back({span.offset(), span.length()});
    side["counts"] = std::move(counts);
    return side;
}

Json sums_of(const google::protobuf::RepeatedField<std::int64_t>& deltas) {
    Json list = Json::array();
    std::uint64_t count = 0;
    for (const std::int64_t delta : deltas) {
        count += static_cast<std::uint64_t>(delta);
        list.push_back(static_cast<std::int64_t>(count));
    }
    return list;
}

Json histogram_of(const remote_write::Histogram& histogram) {
    const bool is_float = histogram.has_count_float();
    Json object;
    object["schema"] = histogram.schema();
    object["zero_threshold"] = json_of(histogram.zero_threshold());
    if (is_float) object["zero_count"] = json_of(histogram.zero_count_float());
    else object["zero_count"] = histogram.zero_count_int();
    if (histogram.positive_spans_size() != 0)
        object["positive"] = side_of(histogram.positive_spans(), is_float ? reals_of(histogram.positive_counts())
                                                                          : sums_of(histogram.positive_deltas()));
    if (histogram.negative_spans_size() != 0)
        object["negative"] = side_of(histogram.negative_spans(), is_float ? reals_of(histogram.negative_counts())
                                                                          : sums_of(histogram.negative_deltas()));
    if (histogram.custom_values_size() != 0) object["custom_values"] = reals_of(histogram.custom_values());
    return object;
}

template <typename TimeSeries>
void add_records(const Series& series, const TimeSeries& message, std::vector<Json>& records) {
    for (const remote_write::Sample& sample : message.samples()) {
        records.push_back(record_of(series, "value", json_of(sample.value()), sample.timestamp()));
        finish(series, sample.value(), sample.start_timestamp(), records.back());
    }
    for (const remote_write::Histogram& histogram : message.histograms()) {
        Json values;
        if (histogram.has_count_float()) values["count"] = json_of(histogram.count_float());
        else values["count"] = histogram.count_int();
        values["sum"] = json_of(histogram.sum());
        records.push_back(record_of(series, "values", std::move(values), histogram.timestamp()));
        records.back()["histogram"] = histogram_of(histogram);
        finish(series, histogram.sum(), histogram.start_timestamp(), records.back());
    }
}

std::string symbol(const remote_write::Request& request, std::uint32_t ref) {
    const auto at = static_cast<std::int64_t>(ref);
    return at < request.symbols_size() ? request.symbols(static_cast<int>(at)) : std::string{};
}

Series series_of(const remote_write::Request& request, const remote_write::SymbolTimeSeries& message) {
    Series series;
    for (int i = 0; i + 1 < message.labels_refs_size(); i += 2) {
        const std::string value = symbol(request, message.labels_refs(i + 1));
        if (!value.empty()) series.labels.emplace_back(symbol(request, message.labels_refs(i)), value);
    }
    const auto kind = static_cast<std::size_t>(message.metadata().type());
    if (kind < kind_names.size()) series.kind = kind_names[kind];
    const std::string unit = symbol(request, message.metadata().unit_ref());
    if (unit.size() <= limits::unit_bytes_max && parsers::is_text(unit) && !parsers::has_control_character(unit))
        series.unit = unit;
    return series;
}

}  // namespace

std::vector<Json> records_of(const remote_write::WriteRequest& request) {
    std::vector<Json> records;
    for (const remote_write::TimeSeries& message : request.timeseries()) {
        Series series;
        for (const remote_write::Label& label : message.labels())
            if (!label.value().empty()) series.labels.emplace_back(label.name(), label.value());
        add_records(series, message, records);
    }
    return records;
}

std::vector<Json> records_of(const remote_write::Request& request) {
    std::vector<Json> records;
    for (const remote_write::SymbolTimeSeries& message : request.timeseries())
        add_records(series_of(request, message), message, records);
    return records;
}

}  // namespace sluice::tests
