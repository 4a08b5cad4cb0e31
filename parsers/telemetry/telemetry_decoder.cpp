#include "parsers/telemetry/telemetry_decoder.hpp"

#include <algorithm>
#include <cmath>

#include "parsers/utf8.hpp"

namespace sluice::parsers {
namespace {

namespace batch {
constexpr std::uint32_t samples = 1, device_id = 2, base_ns = 3;
}
namespace record {
constexpr std::uint32_t device_id = 1, type = 2, value = 3, unit = 4, values = 5, timestamp_ns = 6, priority = 7,
                        metadata = 8, metadata_json = 9, others = 10, delta_ns = 11;
}
namespace member {
constexpr std::uint32_t name = 1, value = 2;
}
namespace value_kind {
constexpr std::uint32_t number = 1, integer = 2, natural = 3, flag = 4, text = 5;
}

// Members that a sample has by itself: no other one may have such a name.
constexpr std::array<std::string_view, 8> own_members{"device_id", "type",      "value",    "unit",
                                                      "values",    "timestamp", "priority", "metadata"};

// Between two looks at the clock.
constexpr int fields_per_look_count = 256;

struct NamedValue {
    std::string_view name;
    std::string_view value;  // Value
};

std::string_view without_space_around(std::string_view json) {
    constexpr std::string_view space = " \t\r\n";
    const std::size_t begin = std::min(json.find_first_not_of(space), json.size());
    return json.substr(begin, json.find_last_not_of(space) + 1 - begin);
}

// A field of another type is an unknown one.
bool is_value(const WireField& field) {
    switch (field.number) {
        case value_kind::number: return field.type == WireType::fixed64;
        case value_kind::integer:
        case value_kind::natural:
        case value_kind::flag: return field.type == WireType::varint;
        case value_kind::text: return field.type == WireType::bytes;
        default: return false;
    }
}

bool read_named_value(std::string_view message, NamedValue& out) {
    out = {};
    WireReader reader(message);
    WireField field;
    while (reader.next(field)) {
        if (field.is(member::name, WireType::bytes)) out.name = field.bytes;
        if (field.is(member::value, WireType::bytes)) out.value = field.bytes;
    }
    return !reader.is_malformed();
}

}  // namespace

TelemetryDecoder::TelemetryDecoder()
    : value_(limits::sample_bytes_max),
      values_(limits::sample_bytes_max),
      metadata_(limits::sample_bytes_max),
      kept_(limits::sample_bytes_max) {}

void TelemetryDecoder::start(std::string_view body, Dialect dialect, const DecodeOptions& options) {
    body_ = body;
    kind_ = static_cast<TelemetryMessage>(dialect);
    options_ = options;
    body_reader_ = WireReader(body);
    reading_ = kind_ == TelemetryMessage::batch ? Reading::defaults : Reading::samples;
    default_device_ = {};
    base_ns_ = 0;
    records_count_ = 0;
    offset_bytes_ = 0;
    record_.start(options.needs_raw);
}

Step TelemetryDecoder::next() {
    if (reading_ == Reading::end) return Step::end;
    if (kind_ == TelemetryMessage::delimited) return read_delimited();
    if (kind_ == TelemetryMessage::sample) {
        reading_ = Reading::end;
        return take_sample(body_);
    }
    for (int i = 0; i < fields_per_look_count; ++i)
        if (const auto step = reading_ == Reading::defaults ? read_defaults() : read_sample_of_batch()) return *step;
    return Step::more;
}

Step TelemetryDecoder::refuse_body() {
    refusal_ = Refusal::invalid_protobuf;
    return Step::body_refused;
}

// They may stand behind the samples.
std::optional<Step> TelemetryDecoder::read_defaults() {
    WireField field;
    if (body_reader_.next(field)) {
        if (field.is(batch::device_id, WireType::bytes)) default_device_ = field.bytes;
        if (field.is(batch::base_ns, WireType::fixed64)) base_ns_ = field.value;
        return std::nullopt;
    }
    if (body_reader_.is_malformed()) return refuse_body();
    body_reader_ = WireReader(body_);
    reading_ = Reading::samples;
    return std::nullopt;
}

std::optional<Step> TelemetryDecoder::read_sample_of_batch() {
    WireField field;
    if (!body_reader_.next(field)) return Step::end;
    if (field.is(batch::samples, WireType::bytes)) return take_sample(field.bytes);
    return std::nullopt;
}

Step TelemetryDecoder::read_delimited() {
    std::string_view message;
    if (body_reader_.next_bytes(message)) return take_sample(message);
    return body_reader_.is_malformed() ? refuse_body() : Step::end;
}

// --- a sample ------------------------------------------------------------------------------------------------------

Step TelemetryDecoder::take_sample(std::string_view message) {
    ++records_count_;
    offset_bytes_ = static_cast<std::size_t>(message.data() - body_.data());
    const Fault fault = message.size() > limits::sample_bytes_max ? Refusal::sample_too_large : read_sample(message);
    if (!fault) return Step::sample;
    refusal_ = *fault;
    return Step::record_refused;
}

TelemetryDecoder::Fault TelemetryDecoder::read_sample(std::string_view message) {
    sample_ = {};
    has_value_ = is_json_sample_ = false;
    timestamp_ns_ = 0;
    delta_ns_ = 0;
    priority_number_ = 0;
    metadata_json_ = {};
    value_names_.clear();
    metadata_names_.clear();
    others_count_ = 0;
    for (JsonWriter* writer : {&value_, &values_, &metadata_, &kept_}) writer->clear();
    WireReader reader(message);
    WireField field;
    while (reader.next(field))
        if (const Fault fault = take_field(field)) return fault;
    if (reader.is_malformed()) return Refusal::malformed_message;
    return complete();
}

TelemetryDecoder::Fault TelemetryDecoder::take_field(const WireField& field) {
    // A field of another type than the message has there is an unknown one.
    if (field.is(record::timestamp_ns, WireType::fixed64)) timestamp_ns_ = field.value;
    if (field.is(record::delta_ns, WireType::varint)) delta_ns_ = from_zigzag(field.value);
    if (field.is(record::priority, WireType::varint)) priority_number_ = field.value;
    if (field.type != WireType::bytes) return std::nullopt;
    switch (field.number) {
        case record::device_id: sample_.device_id = field.bytes; return std::nullopt;
        case record::type: sample_.type = field.bytes; return std::nullopt;
        case record::unit: sample_.unit = field.bytes; return std::nullopt;
        case record::metadata_json: metadata_json_ = without_space_around(field.bytes); return std::nullopt;
        case record::value: return take_value(field.bytes);
        case record::values: return take_member(field.bytes, value_names_, limits::values_count_max, values_);
        case record::metadata: return take_member(field.bytes, metadata_names_, limits::members_count_max, metadata_);
        case record::others: return take_other(field.bytes);
        default: return std::nullopt;
    }
}

TelemetryDecoder::Fault TelemetryDecoder::take_value(std::string_view message) {
    has_value_ = true;
    value_.clear();
    return write_value(message, value_, sample_.value_kind, sample_.value);
}

TelemetryDecoder::Fault TelemetryDecoder::take_member(std::string_view message, NameSet& names,
                                                      std::size_t names_count_max, JsonWriter& object) {
    NamedValue pair;
    if (!read_named_value(message, pair)) return Refusal::malformed_message;
    if (!is_text(pair.name)) return Refusal::malformed_message;
    if (names.count() == names_count_max)
        return names_count_max == limits::values_count_max ? Refusal::too_many_values : Refusal::too_many_members;
    if (!names.insert(pair.name)) return Refusal::duplicate_member;
    object.raw(object.size() == 0 ? '{' : ',');
    object.string(pair.name);
    object.raw(':');
    ValueKind kind{};
    std::string_view text;
    return write_value(pair.value, object, kind, text);
}

TelemetryDecoder::Fault TelemetryDecoder::take_other(std::string_view message) {
    NamedValue pair;
    if (!read_named_value(message, pair) || !is_text(pair.name)) return Refusal::malformed_message;
    if (others_count_ == others_.size()) return Refusal::too_many_members;
    const auto known = std::span(others_).first(others_count_);
    const bool is_known = std::ranges::find(own_members, pair.name) != own_members.end() ||
                          std::ranges::find(known, pair.name, &Member::name) != known.end();
    if (is_known) return Refusal::duplicate_member;
    ValueKind kind{};
    std::string_view text;
    if (const Fault fault = write_value(pair.value, kept_, kind, text)) return fault;
    others_[others_count_++] = {pair.name, text, kind != ValueKind::string};
    return std::nullopt;
}

// Writes it as JSON; `text` is it as Sample::value has it.
TelemetryDecoder::Fault TelemetryDecoder::write_value(std::string_view message, JsonWriter& out, ValueKind& kind,
                                                      std::string_view& text) const {
    WireReader reader(message);
    WireField field, found{};
    while (reader.next(field))
        if (is_value(field)) found = field;
    if (reader.is_malformed()) return Refusal::malformed_message;
    const std::size_t begin = out.size();
    kind = ValueKind::number;
    if (found.number == value_kind::number) {
        out.real(found.real());
        if (!std::isfinite(found.real())) kind = ValueKind::string;
    } else if (found.number == value_kind::integer) {
        out.number(from_zigzag(found.value));
    } else if (found.number == value_kind::natural) {
        out.natural(found.value);
    } else if (found.number == value_kind::flag) {
        kind = ValueKind::boolean;
        out.raw(found.value != 0 ? "true" : "false");
    } else if (found.number == value_kind::text) {
        if (!is_text(found.bytes)) return Refusal::malformed_message;
        kind = ValueKind::string;
        out.string(found.bytes);
        text = found.bytes;
        return std::nullopt;
    } else {
        return Refusal::bad_value;
    }
    text = out.since(std::min(begin, out.size()));
    if (kind == ValueKind::string && text.size() >= 2) text = text.substr(1, text.size() - 2);
    return std::nullopt;
}

// --- its rules: those of JsonDecoder ---------------------------------------------------------------------------------

TelemetryDecoder::Fault TelemetryDecoder::check_texts() const {
    const auto is_good = [](std::string_view text, std::size_t bytes_max) {
        return text.size() <= bytes_max && is_text(text) && !has_control_character(text);
    };
    if (sample_.device_id.empty()) return Refusal::missing_device_id;
    if (!is_good(sample_.device_id, limits::device_id_bytes_max)) return Refusal::bad_device_id;
    if (!is_good(sample_.type, limits::type_bytes_max)) return Refusal::bad_type;
    if (!is_good(sample_.unit, limits::unit_bytes_max)) return Refusal::bad_unit;
    const bool has_values = value_names_.count() != 0;
    if (has_value_ && has_values) return Refusal::ambiguous_value;
    if (!has_values && (!has_value_ || sample_.type.empty())) return Refusal::missing_value;
    if (metadata_names_.count() != 0 && !metadata_json_.empty()) return Refusal::bad_metadata;
    return std::nullopt;
}

TelemetryDecoder::Fault TelemetryDecoder::keep_time() {
    std::int64_t ns = 0;
    const bool is_from_base = timestamp_ns_ == 0;  // a delta of 0 is not sent
    const std::uint64_t told_ns = is_from_base ? base_ns_ : timestamp_ns_;
    if (told_ns > INT64_MAX) return Refusal::bad_timestamp;
    const std::int64_t added_ns = is_from_base && base_ns_ != 0 ? delta_ns_ : 0;
    if (__builtin_add_overflow(static_cast<std::int64_t>(told_ns), added_ns, &ns) || ns < 0)
        return Refusal::bad_timestamp;
    sample_.timestamp_ns = told_ns == 0 ? options_.arrival_ns : ns;
    return std::nullopt;
}

TelemetryDecoder::Fault TelemetryDecoder::complete() {
    if (sample_.device_id.empty()) sample_.device_id = default_device_;
    if (const Fault fault = check_texts()) return fault;
    if (const Fault fault = keep_time()) return fault;
    if (priority_number_ > static_cast<std::uint64_t>(Priority::high)) return Refusal::bad_priority;
    sample_.priority = static_cast<Priority>(priority_number_);
    if (values_.size() != 0) {
        values_.raw('}');
        sample_.values = values_.view();
    }
    if (metadata_.size() != 0) {
        metadata_.raw('}');
        sample_.metadata = metadata_.view();
    }
    if (!metadata_json_.empty()) sample_.metadata = metadata_json_;
    if (value_.is_full() || values_.is_full() || metadata_.is_full() || kept_.is_full())
        return Refusal::sample_too_large;
    sample_.others = {others_.data(), others_count_};
    const bool is_read_again = !metadata_json_.empty();
    if (!(is_read_again ? record_.write(sample_) : record_.keep(sample_))) return Refusal::sample_too_large;
    return is_read_again ? read_canonical() : std::nullopt;
}

// What a client wrote as JSON is checked as JSON: the whole record is read again.
TelemetryDecoder::Fault TelemetryDecoder::read_canonical() {
    json_.start(sample_.raw, static_cast<Dialect>(BodyFormat::json),
                {.precision = Precision::ns, .arrival_ns = options_.arrival_ns});
    switch (json_.next()) {
        case Step::sample: break;
        case Step::record_refused: return json_.refusal();
        default: return Refusal::bad_metadata;
    }
    // The text may have ended the object, and gone on with members of the sample.
    if (json_.sample().metadata.size() != metadata_json_.size()) return Refusal::bad_metadata;
    is_json_sample_ = true;
    return std::nullopt;
}

}  // namespace sluice::parsers
