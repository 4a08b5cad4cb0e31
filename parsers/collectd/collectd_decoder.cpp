#include "parsers/collectd/collectd_decoder.hpp"

#include <span>
#include <utility>

#include "parsers/json/json_text.hpp"
#include "parsers/utf8.hpp"

namespace sluice::parsers {
namespace {

// Joins texts in memory of a fixed size. What does not fit is left out, and told.
class TextJoiner {
  public:
    explicit TextJoiner(std::span<char> memory) : memory_(memory) {}
    TextJoiner& add(std::string_view text) {
        const bool has_room = text.size() <= memory_.size() - bytes_count_;
        is_full_ = is_full_ || !has_room;
        if (has_room) bytes_count_ += text.copy(memory_.data() + bytes_count_, text.size());
        return *this;
    }
    // `-` and the text, if it has one.
    TextJoiner& add_instance(std::string_view text) { return text.empty() ? *this : add("-").add(text); }
    // Empty: something did not fit.
    [[nodiscard]] std::string_view text() const {
        return is_full_ ? std::string_view{} : std::string_view{memory_.data(), bytes_count_};
    }

  private:
    std::span<char> memory_;
    std::size_t bytes_count_ = 0;
    bool is_full_ = false;
};

void write_member(JsonWriter& out, std::string_view name, std::string_view text) {
    if (text.empty()) return;
    out.raw(out.size() == 0 ? "{\"" : ",\"");
    out.raw(name);
    out.raw("\":");
    out.string(text);
}

}  // namespace

CollectdDecoder::CollectdDecoder() : values_(limits::sample_bytes_max), metadata_(limits::sample_bytes_max) {}

void CollectdDecoder::start(std::string_view body, Dialect /*dialect*/, const DecodeOptions& options) {
    body_ = body;
    at_ = 0;
    is_ended_ = false;
    options_ = options;
    records_count_ = 0;
    offset_bytes_ = 0;
    record_.start(options.needs_raw);
}

// --- the array -----------------------------------------------------------------------------------------------------

char CollectdDecoder::skip_space() {
    const char* const end = body_.data() + body_.size();
    at_ = static_cast<std::size_t>(behind_space(body_.data() + at_, end) - body_.data());
    return at_ == body_.size() ? '\0' : body_[at_];
}

Step CollectdDecoder::refuse_body(Refusal reason, std::size_t at) {
    refusal_ = reason;
    offset_bytes_ = at;
    is_ended_ = true;
    return Step::body_refused;
}

Step CollectdDecoder::next() {
    if (is_ended_) return Step::end;
    char first = skip_space();
    if (records_count_ == 0) {
        if (at_ == body_.size()) return refuse_body(Refusal::empty_body, 0);
        if (first != '[') return refuse_body(first == '{' ? Refusal::wrong_json_type : Refusal::invalid_json, at_);
        ++at_;
        first = skip_space();
        if (first == ']') return end_array();
        return take_record();
    }
    if (first == ']') return end_array();
    if (first != ',') return refuse_body(Refusal::invalid_json, at_);
    ++at_;
    static_cast<void>(skip_space());
    return take_record();
}

Step CollectdDecoder::end_array() {
    ++at_;
    static_cast<void>(skip_space());
    if (at_ != body_.size()) return refuse_body(Refusal::invalid_json, at_);
    is_ended_ = true;
    return Step::end;
}

Step CollectdDecoder::take_record() {
    const std::string_view rest = body_.substr(at_);
    const std::string_view reach = rest.substr(0, limits::decode_window_bytes);
    const ValueExtent extent = extent_of_value(reach);
    if (extent.end == ValueEnd::too_deep) return refuse_body(Refusal::json_too_deep, at_ + extent.bytes);
    if (extent.end == ValueEnd::not_here && reach.size() < rest.size())
        return refuse_body(Refusal::sample_too_large, at_);
    if (extent.end == ValueEnd::not_here || extent.bytes == 0) return refuse_body(Refusal::invalid_json, at_);
    ++records_count_;
    offset_bytes_ = std::exchange(at_, at_ + extent.bytes);
    const Fault fault = extent.bytes > limits::sample_bytes_max ? Fault(Refusal::sample_too_large)
                                                                : read_record(rest.substr(0, extent.bytes));
    if (!fault) return Step::sample;
    refusal_ = *fault;
    return Step::record_refused;
}

// --- a value list --------------------------------------------------------------------------------------------------

CollectdDecoder::Fault CollectdDecoder::read_record(std::string_view text) {
    if (const Fault fault = reader_.read(text)) return fault;
    if (const Fault fault = name_device()) return fault;
    if (const Fault fault = name_type()) return fault;
    if (const Fault fault = keep_time()) return fault;
    if (const Fault fault = write_values()) return fault;
    write_metadata();
    return complete();
}

CollectdDecoder::Fault CollectdDecoder::name_device() {
    const std::string_view host = reader_.list().host;
    if (host.empty()) return Refusal::missing_device_id;
    if (host.size() > limits::device_id_bytes_max || has_control_character(host)) return Refusal::bad_device_id;
    sample_.device_id = host;
    return std::nullopt;
}

// As collectd names a value list, without its host. Where that is too long, without the instances: the metadata has
// them.
CollectdDecoder::Fault CollectdDecoder::name_type() {
    const collectd::ValueList& list = reader_.list();
    sample_.type = TextJoiner(type_)
                       .add(list.plugin)
                       .add_instance(list.plugin_instance)
                       .add("/")
                       .add(list.type)
                       .add_instance(list.type_instance)
                       .text();
    if (sample_.type.empty()) sample_.type = TextJoiner(type_).add(list.plugin).add("/").add(list.type).text();
    if (sample_.type.empty() || has_control_character(sample_.type)) return Refusal::bad_type;
    return std::nullopt;
}

CollectdDecoder::Fault CollectdDecoder::keep_time() {
    const std::string_view time = reader_.list().time;
    sample_.timestamp_ns = time.empty() ? options_.arrival_ns : parse_timestamp_number(time, Precision::s);
    return sample_.timestamp_ns == no_timestamp ? Fault(Refusal::bad_timestamp) : std::nullopt;
}

CollectdDecoder::Fault CollectdDecoder::write_values() {
    const collectd::ValueList& list = reader_.list();
    values_.clear();
    sample_.value = sample_.values = {};
    sample_.value_kind = ValueKind::none;
    if (list.values.size() == 1 && list.names[0] == "value") {
        const bool is_number = list.values[0] != "null";
        sample_.value = is_number ? list.values[0] : "NaN";
        sample_.value_kind = is_number ? ValueKind::number : ValueKind::string;
        return std::nullopt;
    }
    names_.clear();
    for (std::size_t i = 0; i < list.values.size(); ++i) {
        if (!names_.insert(list.names[i])) return Refusal::duplicate_member;
        values_.raw(i == 0 ? '{' : ',');
        values_.string(list.names[i]);
        values_.raw(':');
        write_value(list.values[i]);
    }
    values_.raw('}');
    sample_.values = values_.view();
    return std::nullopt;
}

void CollectdDecoder::write_value(std::string_view value) {
    values_.raw(value == "null" ? std::string_view("\"NaN\"") : value);
}

void CollectdDecoder::write_metadata() {
    const collectd::ValueList& list = reader_.list();
    metadata_.clear();
    write_member(metadata_, "plugin", list.plugin);
    write_member(metadata_, "plugin_instance", list.plugin_instance);
    write_member(metadata_, "type", list.type);
    write_member(metadata_, "type_instance", list.type_instance);
    if (!list.interval.empty()) {
        metadata_.raw(",\"interval\":");
        metadata_.raw(list.interval);
    }
    if (!list.types.empty()) {
        metadata_.raw(",\"dstypes\":[");
        for (std::size_t i = 0; i < list.types.size(); ++i) {
            if (i != 0) metadata_.raw(',');
            metadata_.string(list.types[i]);
        }
        metadata_.raw(']');
    }
    metadata_.raw('}');
    sample_.metadata = metadata_.view();
}

CollectdDecoder::Fault CollectdDecoder::complete() {
    if (values_.is_full() || metadata_.is_full()) return Refusal::sample_too_large;
    return record_.keep(sample_) ? Fault{} : Refusal::sample_too_large;
}

}  // namespace sluice::parsers
