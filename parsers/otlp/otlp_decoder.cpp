#include "parsers/otlp/otlp_decoder.hpp"

#include <algorithm>

#include "parsers/utf8.hpp"

namespace sluice::parsers {
namespace {

using otlp::PointKind;

constexpr std::uint32_t resource_metrics_number = 1;                       // of ExportMetricsServiceRequest
constexpr std::uint32_t resource_number = 1, scope_metrics_number = 2;     // of ResourceMetrics
constexpr std::uint32_t resource_attribute = 1;                            // of Resource
constexpr std::uint32_t scope_number = 1, metric_number = 2;               // of ScopeMetrics
constexpr std::uint32_t scope_name = 1, scope_version = 2, scope_attribute = 3;  // of InstrumentationScope
constexpr std::uint32_t metric_name = 1, metric_unit = 3, gauge = 5, sum = 7, histogram = 9, exponential_histogram = 10,
                        summary = 11;                                      // of Metric
constexpr std::uint32_t point_number = 1, temporality_number = 2, is_monotonic_number = 3;  // of Gauge, Sum, …

// AggregationTemporality.
constexpr std::array<std::string_view, 3> temporalities{"", "delta", "cumulative"};

// Between two looks at the clock.
constexpr int fields_per_look_count = 256;

}  // namespace

OtlpDecoder::OtlpDecoder(const SampleMapping& mapping)
    : mapping_(mapping.otlp),
      resource_(limits::sample_bytes_max),
      scope_attributes_text_(limits::sample_bytes_max),
      scope_(limits::sample_bytes_max),
      value_(limits::sample_bytes_max),
      metadata_(limits::sample_bytes_max),
      otlp_(limits::sample_bytes_max),
      buckets_(limits::sample_bytes_max) {}

void OtlpDecoder::start(std::string_view body, Dialect dialect, const DecodeOptions& options) {
    message_ = body;
    options_ = options;
    is_json_ = static_cast<OtlpEncoding>(dialect) == OtlpEncoding::json;
    reading_ = is_json_ ? Reading::json : Reading::request;
    if (is_json_) json_.start(body);
    request_ = WireReader(body);
    is_malformed_ = false;
    records_count_ = 0;
    offset_bytes_ = 0;
    record_.start(options.needs_raw);
}

Step OtlpDecoder::next() {
    for (int i = 0; i < fields_per_look_count; ++i) {
        std::optional<Step> step;
        switch (reading_) {
            case Reading::json: step = read_json(); break;
            case Reading::request: step = read_request(); break;
            case Reading::resource: step = read_resource(); break;
            case Reading::scopes: step = read_scopes(); break;
            case Reading::scope: step = read_scope(); break;
            case Reading::metrics: step = read_metrics(); break;
            case Reading::metric: step = read_metric(); break;
            case Reading::data: step = read_data(); break;
            case Reading::points: step = read_points(); break;
        }
        if (is_malformed_) return refuse_body(Refusal::invalid_protobuf);
        if (step) return *step;
    }
    return Step::more;
}

Step OtlpDecoder::refuse_body(Refusal reason) {
    refusal_ = reason;
    return Step::body_refused;
}

std::optional<Step> OtlpDecoder::read_json() {
    switch (json_.step()) {
        case otlp::JsonMessage::State::more: return Step::more;
        case otlp::JsonMessage::State::refused: return refuse_body(json_.refusal());
        case otlp::JsonMessage::State::whole: break;
    }
    message_ = json_.message();
    request_ = WireReader(message_);
    reading_ = Reading::request;
    return std::nullopt;
}

// JsonMessage says so where it could not read something.
void OtlpDecoder::keep_refusal(const WireField& field, Fault& fault) const {
    if (is_json_ && !fault && field.is(otlp::refusal_number, WireType::varint))
        fault = static_cast<Refusal>(field.value);
}

// Of a data point, which has no other field then.
OtlpDecoder::Fault OtlpDecoder::refusal_in(std::string_view message) const {
    Fault fault;
    WireField field;
    if (is_json_ && WireReader(message).next(field)) keep_refusal(field, fault);
    return fault;
}

// --- the request, resources, scopes ---------------------------------------------------------------------------------

std::optional<Step> OtlpDecoder::read_request() {
    WireField field;
    if (!request_.next(field)) {
        is_malformed_ = request_.is_malformed();
        return Step::end;
    }
    if (!field.is(resource_metrics_number, WireType::bytes)) return std::nullopt;
    resource_metrics_ = field.bytes;
    resource_parts_ = WireReader(resource_metrics_);
    resource_fault_ = std::nullopt;
    resource_devices_ = {};
    resource_.clear();
    resource_attributes_.clear();
    reading_ = Reading::resource;
    return std::nullopt;
}

std::optional<Step> OtlpDecoder::read_resource() {
    WireField field;
    if (resource_parts_.next(field)) {
        keep_refusal(field, resource_fault_);
        if (!field.is(resource_number, WireType::bytes)) return std::nullopt;
        take_resource(field.bytes);
        return Step::more;  // it may have been long
    }
    is_malformed_ = is_malformed_ || resource_parts_.is_malformed();
    complete_resource();
    resource_parts_ = WireReader(resource_metrics_);
    reading_ = Reading::scopes;
    return std::nullopt;
}

// The first one, or more of it.
void OtlpDecoder::take_resource(std::string_view message) {
    if (message.size() > limits::sample_bytes_max) resource_fault_ = Refusal::sample_too_large;
    WireReader reader(message);
    WireField field;
    while (!resource_fault_ && reader.next(field))
        if (field.is(resource_attribute, WireType::bytes))
            resource_fault_ = resource_attributes_.add(field.bytes, resource_devices_);
    is_malformed_ = is_malformed_ || reader.is_malformed() || resource_fault_ == Refusal::invalid_protobuf;
}

void OtlpDecoder::complete_resource() {
    resource_attributes_.close();
    if (resource_.is_full() && !resource_fault_) resource_fault_ = Refusal::sample_too_large;
}

std::optional<Step> OtlpDecoder::read_scopes() {
    WireField field;
    if (!resource_parts_.next(field)) {
        reading_ = Reading::request;
        return std::nullopt;
    }
    if (!field.is(scope_metrics_number, WireType::bytes)) return std::nullopt;
    scope_metrics_ = field.bytes;
    scope_parts_ = WireReader(scope_metrics_);
    scope_fault_ = std::nullopt;
    scope_name_ = scope_version_ = {};
    scope_attributes_text_.clear();
    scope_attributes_.clear();
    scope_.clear();
    reading_ = Reading::scope;
    return std::nullopt;
}

std::optional<Step> OtlpDecoder::read_scope() {
    WireField field;
    if (scope_parts_.next(field)) {
        keep_refusal(field, scope_fault_);
        if (!field.is(scope_number, WireType::bytes)) return std::nullopt;
        take_scope(field.bytes);
        return Step::more;
    }
    is_malformed_ = is_malformed_ || scope_parts_.is_malformed();
    complete_scope();
    scope_parts_ = WireReader(scope_metrics_);
    reading_ = Reading::metrics;
    return std::nullopt;
}

// The first one, or more of it.
void OtlpDecoder::take_scope(std::string_view message) {
    if (message.size() > limits::sample_bytes_max) scope_fault_ = Refusal::sample_too_large;
    otlp::DeviceNames ignored;
    WireReader reader(message);
    WireField field;
    while (!scope_fault_ && reader.next(field)) {
        if (field.is(scope_name, WireType::bytes)) scope_name_ = field.bytes;
        if (field.is(scope_version, WireType::bytes)) scope_version_ = field.bytes;
        if (field.is(scope_attribute, WireType::bytes)) scope_fault_ = scope_attributes_.add(field.bytes, ignored);
    }
    is_malformed_ = is_malformed_ || reader.is_malformed() || scope_fault_ == Refusal::invalid_protobuf;
}

// {"name":…,"version":…,"attributes":{…}}: what there is of these.
void OtlpDecoder::complete_scope() {
    if (!scope_fault_ && (!is_text(scope_name_) || !is_text(scope_version_))) scope_fault_ = Refusal::bad_attribute;
    if (scope_fault_) return;
    scope_attributes_.close();
    const auto begin_member = [this](std::string_view member) {
        scope_.raw(scope_.size() == 0 ? '{' : ',');
        scope_.raw(member);
    };
    if (!scope_name_.empty()) {
        begin_member("\"name\":");
        scope_.string(scope_name_);
    }
    if (!scope_version_.empty()) {
        begin_member("\"version\":");
        scope_.string(scope_version_);
    }
    if (!scope_attributes_.is_empty()) {
        begin_member("\"attributes\":");
        scope_.raw(scope_attributes_text_.view());
    }
    if (scope_.size() != 0) scope_.raw('}');
    if (scope_.is_full() || scope_attributes_text_.is_full()) scope_fault_ = Refusal::sample_too_large;
}

// --- metrics -------------------------------------------------------------------------------------------------------

std::optional<Step> OtlpDecoder::read_metrics() {
    WireField field;
    if (!scope_parts_.next(field)) {
        reading_ = Reading::scopes;
        return std::nullopt;
    }
    if (!field.is(metric_number, WireType::bytes)) return std::nullopt;
    metric_ = field.bytes;
    metric_parts_ = WireReader(metric_);
    offset_bytes_ = static_cast<std::size_t>(metric_.data() - message_.data());
    name_ = unit_ = data_ = {};
    metric_fault_ = std::nullopt;
    kinds_count_ = 0;
    reading_ = Reading::metric;
    return std::nullopt;
}

std::optional<Step> OtlpDecoder::read_metric() {
    WireField field;
    if (metric_parts_.next(field)) {
        keep_refusal(field, metric_fault_);
        take_metric_part(field);
        return std::nullopt;
    }
    is_malformed_ = is_malformed_ || metric_parts_.is_malformed();
    if (kinds_count_ > 1) return refuse_body(Refusal::invalid_protobuf);
    complete_metric();
    points_ = WireReader(data_);
    reading_ = Reading::data;
    return std::nullopt;
}

std::optional<Step> OtlpDecoder::read_data() {
    WireField field;
    if (points_.next(field)) {
        if (field.is(temporality_number, WireType::varint)) temporality_number_ = field.value;
        if (field.is(is_monotonic_number, WireType::varint)) is_monotonic_ = field.value != 0;
        keep_refusal(field, metric_fault_);
        return std::nullopt;
    }
    is_malformed_ = is_malformed_ || points_.is_malformed();
    points_ = WireReader(data_);
    reading_ = Reading::points;
    return std::nullopt;
}

void OtlpDecoder::take_metric_part(const WireField& field) {
    if (field.type != WireType::bytes) return;
    switch (field.number) {
        case metric_name: name_ = field.bytes; return;
        case metric_unit: unit_ = field.bytes; return;
        case gauge: return take_data(PointKind::gauge, field.bytes);
        case sum: return take_data(PointKind::sum, field.bytes);
        case histogram: return take_data(PointKind::histogram, field.bytes);
        case exponential_histogram: return take_data(PointKind::exponential_histogram, field.bytes);
        case summary: return take_data(PointKind::summary, field.bytes);
        default: return;
    }
}

void OtlpDecoder::take_data(PointKind kind, std::string_view message) {
    ++kinds_count_;
    kind_ = kind;
    data_ = message;
    temporality_number_ = 0;
    is_monotonic_ = false;
}

// What its points have in common.
void OtlpDecoder::complete_metric() {
    has_good_name_ =
        !name_.empty() && name_.size() <= limits::type_bytes_max && is_text(name_) && !has_control_character(name_);
    sample_.type = name_;
    keep_unit();
    has_otlp_text_ = false;
}

void OtlpDecoder::keep_unit() {
    sample_.unit = long_unit_ = {};
    if (unit_.size() > limits::sample_bytes_max) return fail_metric(Refusal::sample_too_large);
    if (!is_text(unit_)) return fail_metric(Refusal::bad_unit);
    const bool fits = unit_.size() <= limits::unit_bytes_max && !has_control_character(unit_);
    (fits ? sample_.unit : long_unit_) = unit_;
}

// The first fault counts.
void OtlpDecoder::fail_metric(Refusal reason) {
    if (!metric_fault_) metric_fault_ = reason;
}

OtlpDecoder::Fault OtlpDecoder::fault_of_metric() const {
    if (resource_fault_) return resource_fault_;
    if (scope_fault_) return scope_fault_;
    if (metric_fault_) return metric_fault_;
    return has_good_name_ ? Fault{} : Refusal::bad_type;
}

// --- points --------------------------------------------------------------------------------------------------------

std::optional<Step> OtlpDecoder::read_points() {
    WireField field;
    if (!points_.next(field)) {
        is_malformed_ = is_malformed_ || points_.is_malformed();
        reading_ = Reading::metrics;
        return std::nullopt;
    }
    if (field.is(point_number, WireType::bytes)) return take_point(field.bytes);
    return std::nullopt;
}

Step OtlpDecoder::take_point(std::string_view message) {
    ++records_count_;
    Fault fault = fault_of_metric();
    if (!fault) fault = refusal_in(message);
    if (!fault) fault = message.size() > limits::sample_bytes_max ? Refusal::sample_too_large : read_point(message);
    if (fault == Refusal::invalid_protobuf) return refuse_body(*fault);
    if (!fault) return Step::sample;
    refusal_ = *fault;
    return Step::record_refused;
}

OtlpDecoder::Fault OtlpDecoder::read_point(std::string_view message) {
    if (!point_.read(kind_, message)) return Refusal::invalid_protobuf;
    if (const Fault fault = point_.fault()) return fault;
    if (const Fault fault = write_attributes()) return fault;
    if (const Fault fault = keep_time()) return fault;
    others_count_ = 0;
    write_value();
    write_otlp();
    return complete();
}

OtlpDecoder::Fault OtlpDecoder::write_attributes() {
    metadata_.clear();
    attributes_.clear();
    otlp::DeviceNames devices;
    Fault fault;
    point_.each_attribute([&](std::string_view key_value) {
        fault = attributes_.add(key_value, devices);
        return !fault;
    });
    if (fault) return fault;
    attributes_.close();
    sample_.metadata = metadata_.view();
    return name_device(devices);
}

OtlpDecoder::Fault OtlpDecoder::name_device(const otlp::DeviceNames& of_point) {
    for (std::size_t i = 0; i < of_point.values.size(); ++i) {
        const std::string_view name = of_point.values[i].empty() ? resource_devices_.values[i] : of_point.values[i];
        if (name.empty()) continue;
        if (name.size() > limits::device_id_bytes_max || has_control_character(name)) return Refusal::bad_device_id;
        sample_.device_id = name;
        return std::nullopt;
    }
    sample_.device_id = "unknown";
    return mapping_.is_device_required ? Fault(Refusal::missing_device_id) : std::nullopt;
}

OtlpDecoder::Fault OtlpDecoder::keep_time() {
    if (point_.time_ns() > INT64_MAX) return Refusal::bad_timestamp;
    sample_.timestamp_ns = point_.time_ns() == 0 ? options_.arrival_ns : static_cast<std::int64_t>(point_.time_ns());
    return std::nullopt;
}

void OtlpDecoder::write_value() {
    value_.clear();
    buckets_.clear();
    if (point_.is_number() || point_.has_no_recorded_value()) {
        point_.write_number(value_);
        const std::string_view text = value_.view();
        const bool is_number = point_.is_finite_number();
        sample_.values = {};
        sample_.value_kind = is_number ? ValueKind::number : ValueKind::string;
        sample_.value = is_number ? text : text.substr(1, text.size() - 2);
        return;
    }
    point_.write_values(value_);
    sample_.value = {};
    sample_.value_kind = ValueKind::none;
    sample_.values = value_.view();
    if (!point_.has_buckets()) return;
    point_.write_buckets(buckets_);
    others_[others_count_++] = {"histogram", buckets_.view(), true};
}

// The points of a metric mostly have it in common.
void OtlpDecoder::write_otlp() {
    if (!has_otlp_text_ || point_.start_ns() != otlp_start_ns_) write_otlp_text();
    has_otlp_text_ = true;
    otlp_start_ns_ = point_.start_ns();
    others_[others_count_++] = {"otlp", otlp_.view(), true};
    if (point_.has_no_recorded_value()) others_[others_count_++] = {"stale", "true", true};
}

void OtlpDecoder::write_otlp_text() {
    otlp_.clear();
    otlp_.raw("{\"kind\":\"");
    otlp_.raw(otlp::name_of(kind_));
    otlp_.raw('"');
    const bool has_temporality = kind_ != PointKind::gauge && kind_ != PointKind::summary;
    if (has_temporality && temporality_number_ != 0 && temporality_number_ < temporalities.size()) {
        otlp_.raw(",\"temporality\":");
        otlp_.string(temporalities[temporality_number_]);
    }
    if (kind_ == PointKind::sum) otlp_.raw(is_monotonic_ ? ",\"monotonic\":true" : ",\"monotonic\":false");
    if (!long_unit_.empty()) {
        otlp_.raw(",\"unit\":");
        otlp_.string(long_unit_);
    }
    if (point_.start_ns() != 0) {
        otlp_.raw(",\"start\":");
        otlp_.natural(point_.start_ns());
    }
    if (mapping_.keeps_resource && resource_.size() != 0) {
        otlp_.raw(",\"resource\":");
        otlp_.raw(resource_.view());
    }
    if (mapping_.keeps_resource && scope_.size() != 0) {
        otlp_.raw(",\"scope\":");
        otlp_.raw(scope_.view());
    }
    otlp_.raw('}');
}

OtlpDecoder::Fault OtlpDecoder::complete() {
    if (metadata_.is_full() || value_.is_full() || otlp_.is_full() || buckets_.is_full())
        return Refusal::sample_too_large;
    sample_.others = {others_.data(), others_count_};
    return record_.keep(sample_) ? Fault{} : Refusal::sample_too_large;
}

}  // namespace sluice::parsers
