#include "tests/fuzz/otlp_tree.hpp"

#include <google/protobuf/message.h>

#include <array>
#include <charconv>

#include "parsers/utf8.hpp"

namespace sluice::tests {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::array device_names{"device.id", "device_id",           "host.id",
                                  "host.name", "service.instance.id", "service.name"};

std::string base64_of(const std::string& bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    std::uint32_t bits = 0;
    int bits_count = 0;
    for (const char byte : bytes) {
        bits = bits << 8 | static_cast<unsigned char>(byte);
        for (bits_count += 8; bits_count >= 6; bits_count -= 6) text += digits[bits >> (bits_count - 6) & 63];
    }
    if (bits_count != 0) text += digits[bits << (6 - bits_count) & 63];
    while (text.size() % 4 != 0) text += '=';
    return text;
}

// --- records -------------------------------------------------------------------------------------------------------

Json any_of(const otlp::AnyValue& value);

template <typename Pairs>
Json object_of(const Pairs& pairs) {
    Json object = Json::object();
    for (const otlp::KeyValue& pair : pairs) object[pair.key()] = any_of(pair.value());
    return object;
}

Json any_of(const otlp::AnyValue& value) {
    switch (value.value_case()) {
        case otlp::AnyValue::kStringValue: return value.string_value();
        case otlp::AnyValue::kBoolValue: return value.bool_value();
        case otlp::AnyValue::kIntValue: return value.int_value();
        case otlp::AnyValue::kDoubleValue: return json_of(value.double_value());
        case otlp::AnyValue::kBytesValue: return base64_of(value.bytes_value());
        case otlp::AnyValue::kKvlistValue: return object_of(value.kvlist_value().values());
        case otlp::AnyValue::kArrayValue: {
            Json list = Json::array();
            for (const otlp::AnyValue& element : value.array_value().values()) list.push_back(any_of(element));
            return list;
        }
        case otlp::AnyValue::VALUE_NOT_SET: break;
    }
    return nullptr;
}

template <typename Pairs>
std::string text_of(const Pairs& pairs, std::string_view name) {
    std::string found;
    for (const otlp::KeyValue& pair : pairs)
        if (pair.key() == name && pair.value().has_string_value()) found = pair.value().string_value();
    return found;
}

template <typename Reals>
Json reals_of(const Reals& reals) {
    Json list = Json::array();
    for (const double real : reals) list.push_back(json_of(real));
    return list;
}

Json side_of(const otlp::Buckets& buckets) {
    Json side;
    side["offset"] = buckets.offset();
    side["counts"] = Json::array();
    for (const std::uint64_t count : buckets.bucket_counts()) side["counts"].push_back(count);
    return side;
}

void write_value(const otlp::NumberDataPoint& point, Json& record) {
    if (point.has_as_int()) record["value"] = point.as_int();
    else record["value"] = json_of(point.as_double());
}

template <typename Point>
void write_range(const Point& point, Json& values) {
    values["count"] = point.count();
    if (point.has_sum()) values["sum"] = json_of(point.sum());
    if (point.has_min()) values["min"] = json_of(point.min());
    if (point.has_max()) values["max"] = json_of(point.max());
}

void write_value(const otlp::HistogramDataPoint& point, Json& record) { write_range(point, record["values"]); }
void write_value(const otlp::ExponentialHistogramDataPoint& point, Json& record) {
    write_range(point, record["values"]);
}
void write_value(const otlp::SummaryDataPoint& point, Json& record) {
    Json& values = record["values"];
    values["count"] = point.count();
    values["sum"] = json_of(point.sum());
    for (const otlp::ValueAtQuantile& one : point.quantile_values()) {
        std::array<char, 32> text{'q'};
        const auto end = std::to_chars(text.data() + 1, text.data() + text.size(), one.quantile());
        values[std::string(text.data(), end.ptr)] = json_of(one.value());
    }
}

void write_buckets(const otlp::NumberDataPoint&, Json&) {}
void write_buckets(const otlp::SummaryDataPoint&, Json&) {}
void write_buckets(const otlp::HistogramDataPoint& point, Json& record) {
    Json& buckets = record["histogram"];
    buckets["bounds"] = reals_of(point.explicit_bounds());
    buckets["counts"] = Json::array();
    for (const std::uint64_t count : point.bucket_counts()) buckets["counts"].push_back(count);
}
void write_buckets(const otlp::ExponentialHistogramDataPoint& point, Json& record) {
    Json& buckets = record["histogram"];
    buckets["scale"] = point.scale();
    buckets["zero_count"] = point.zero_count();
    buckets["zero_threshold"] = json_of(point.zero_threshold());
    if (point.positive().bucket_counts_size() != 0) buckets["positive"] = side_of(point.positive());
    if (point.negative().bucket_counts_size() != 0) buckets["negative"] = side_of(point.negative());
}

// What the points of a metric have in common.
struct Around {
    const otlp::Resource& resource;
    const otlp::InstrumentationScope& scope;
    const otlp::Metric& metric;
    std::int64_t arrival_ns;
};

Json scope_of(const otlp::InstrumentationScope& scope) {
    Json object;
    if (!scope.name().empty()) object["name"] = scope.name();
    if (!scope.version().empty()) object["version"] = scope.version();
    if (scope.attributes_size() != 0) object["attributes"] = object_of(scope.attributes());
    return object;
}

template <typename Data>
int temporality_of(const Data& data) {
    if constexpr (requires { data.aggregation_temporality(); }) return data.aggregation_temporality();
    return 0;
}

// Others are kept in `otlp`.
bool is_unit_of_sample(const std::string& unit) {
    return !unit.empty() && unit.size() <= limits::unit_bytes_max && !parsers::has_control_character(unit);
}

template <typename Data, typename Point>
Json otlp_of(const Around& around, const Data& data, const Point& point, std::string_view kind) {
    Json object;
    object["kind"] = kind;
    if (temporality_of(data) == otlp::DELTA) object["temporality"] = "delta";
    if (temporality_of(data) == otlp::CUMULATIVE) object["temporality"] = "cumulative";
    if constexpr (requires { data.is_monotonic(); }) object["monotonic"] = data.is_monotonic();
    const std::string& unit = around.metric.unit();
    if (!unit.empty() && !is_unit_of_sample(unit)) object["unit"] = unit;
    if (point.start_time_unix_nano() != 0) object["start"] = point.start_time_unix_nano();
    if (around.resource.attributes_size() != 0) object["resource"] = object_of(around.resource.attributes());
    if (const Json scope = scope_of(around.scope); !scope.is_null()) object["scope"] = scope;
    return object;
}

template <typename Point>
std::string device_of(const Around& around, const Point& point) {
    for (const char* const name : device_names) {
        const std::string of_point = text_of(point.attributes(), name);
        const std::string found = of_point.empty() ? text_of(around.resource.attributes(), name) : of_point;
        if (!found.empty()) return found;
    }
    return "unknown";
}

template <typename Data>
void add_records(const Around& around, const Data& data, std::string_view kind, std::vector<Json>& records) {
    for (const auto& point : data.data_points()) {
        const std::string& unit = around.metric.unit();
        Json& record = records.emplace_back();
        record["device_id"] = device_of(around, point);
        record["type"] = around.metric.name();
        const bool has_value = (point.flags() & 1) == 0;
        if (has_value) write_value(point, record);
        else record["value"] = "NaN";
        if (is_unit_of_sample(unit)) record["unit"] = unit;
        record["timestamp"] =
            point.time_unix_nano() == 0 ? static_cast<std::uint64_t>(around.arrival_ns) : point.time_unix_nano();
        if (point.attributes_size() != 0) record["metadata"] = object_of(point.attributes());
        if (has_value) write_buckets(point, record);
        record["otlp"] = otlp_of(around, data, point, kind);
        if (!has_value) record["stale"] = true;
    }
}

void add_records(const Around& around, std::vector<Json>& records) {
    const otlp::Metric& metric = around.metric;
    add_records(around, metric.gauge(), "gauge", records);
    add_records(around, metric.sum(), "sum", records);
    add_records(around, metric.histogram(), "histogram", records);
    add_records(around, metric.exponential_histogram(), "exponential_histogram", records);
    add_records(around, metric.summary(), "summary", records);
}

// --- JSON ----------------------------------------------------------------------------------------------------------

Json message_of(const Message& message, bool has_long_numbers);

// `at`: of a repeated field; -1: of a singular one.
Json element_of(const Message& message, const FieldDescriptor& field, int at, bool has_long_numbers) {
    const google::protobuf::Reflection& values = *message.GetReflection();
    const auto get = [&](auto of_singular, auto of_repeated) {
        return at < 0 ? (values.*of_singular)(message, &field) : (values.*of_repeated)(message, &field, at);
    };
    const auto long_number = [&](auto number) {
        return has_long_numbers ? Json(number) : Json(std::to_string(number));
    };
    using Reflection = google::protobuf::Reflection;
    switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_BOOL: return get(&Reflection::GetBool, &Reflection::GetRepeatedBool);
        case FieldDescriptor::CPPTYPE_INT32: return get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32);
        case FieldDescriptor::CPPTYPE_UINT32: return get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32);
        case FieldDescriptor::CPPTYPE_ENUM: return get(&Reflection::GetEnumValue, &Reflection::GetRepeatedEnumValue);
        case FieldDescriptor::CPPTYPE_INT64:
            return long_number(get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64));
        case FieldDescriptor::CPPTYPE_UINT64:
            return long_number(get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64));
        case FieldDescriptor::CPPTYPE_DOUBLE:
            return json_of(get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
        case FieldDescriptor::CPPTYPE_STRING: {
            const std::string text = get(&Reflection::GetString, &Reflection::GetRepeatedString);
            return field.name() == "bytes_value" ? base64_of(text) : text;
        }
        case FieldDescriptor::CPPTYPE_MESSAGE:
            return message_of(
                at < 0 ? values.GetMessage(message, &field) : values.GetRepeatedMessage(message, &field, at),
                has_long_numbers);
        case FieldDescriptor::CPPTYPE_FLOAT: break;
    }
    return nullptr;
}

Json message_of(const Message& message, bool has_long_numbers) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    Json object = Json::object();
    for (const FieldDescriptor* const field : fields) {
        Json& member = object[field->json_name()];
        if (!field->is_repeated()) {
            member = element_of(message, *field, -1, has_long_numbers);
            continue;
        }
        member = Json::array();
        for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i)
            member.push_back(element_of(message, *field, i, has_long_numbers));
    }
    return object;
}

}  // namespace

std::vector<Json> records_of(const otlp::ExportMetricsServiceRequest& request, std::int64_t arrival_ns) {
    std::vector<Json> records;
    for (const otlp::ResourceMetrics& of_resource : request.resource_metrics())
        for (const otlp::ScopeMetrics& of_scope : of_resource.scope_metrics())
            for (const otlp::Metric& metric : of_scope.metrics())
                add_records({of_resource.resource(), of_scope.scope(), metric, arrival_ns}, records);
    return records;
}

std::optional<std::string> otlp_json_of(const otlp::ExportMetricsServiceRequest& request, bool has_long_numbers) {
    const std::string text = message_of(request, has_long_numbers).dump(-1, ' ', false, Json::error_handler_t::replace);
    // Where a text is not UTF-8 it was replaced, and is another one.
    const std::string ignoring =
        message_of(request, has_long_numbers).dump(-1, ' ', false, Json::error_handler_t::ignore);
    return text == ignoring ? std::optional(text) : std::nullopt;
}

}  // namespace sluice::tests
