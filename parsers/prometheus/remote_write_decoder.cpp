#include "parsers/prometheus/remote_write_decoder.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>
#include <utility>

#include "parsers/prometheus/native_histogram.hpp"
#include "parsers/utf8.hpp"

namespace sluice::parsers {
namespace {

// Of prometheus.WriteRequest; metadata (3) comes without samples, and is passed over.
namespace v1 {
constexpr std::uint32_t series = 1, metadata = 3;
constexpr std::uint32_t label = 1, sample = 2;  // of TimeSeries
constexpr std::uint32_t label_name = 1, label_value = 2;
}  // namespace v1

// Of io.prometheus.write.v2.Request.
namespace v2 {
constexpr std::uint32_t symbol = 4, series = 5;
constexpr std::uint32_t label_refs = 1;  // of TimeSeries
constexpr std::uint32_t metadata_type = 1, metadata_unit_ref = 4;
constexpr std::uint32_t sample_start = 3;
}  // namespace v2

// Of both.
constexpr std::uint32_t sample_value = 1, sample_timestamp = 2;

// Metadata.MetricType of 2.0. A gauge histogram is one word in the format.
constexpr std::array<std::string_view, 8> kind_names{"",        "counter", "gauge",   "histogram", "gaugehistogram",
                                                     "summary", "info",    "stateset"};

// Between two looks at the clock: some 10 µs.
constexpr int fields_per_look_count = 256;
// Empty ones, which count for nothing else, included.
constexpr std::uint32_t labels_seen_count_max = 2 * limits::members_count_max;

// The NaN that Prometheus writes where a series ends (its package value, StaleNaN).
constexpr std::uint64_t stale_bits = 0x7ff0'0000'0000'0002;

constexpr std::int64_t ms_max = INT64_MAX / 1'000'000;

// A field of bytes whose length is one byte, and where it ends; 0: it is none, or cut off.
std::size_t short_field_bytes(std::string_view fields, std::uint32_t number) {
    if (fields.size() < 2 || static_cast<unsigned char>(fields[0]) != (number << 3 | 2)) return 0;
    const std::size_t bytes = 2 + std::size_t{static_cast<unsigned char>(fields[1])};
    const bool is_short = bytes < 2 + 128;
    return is_short && bytes <= fields.size() ? bytes : 0;
}

// Of the labels in front of a series of 1.0. Those behind a label of 128 bytes or more, which is rare, count as behind.
std::size_t labels_bytes(std::string_view series) {
    std::size_t all_bytes = 0;
    while (all_bytes <= LabelCache::text_bytes_max) {  // ends: it grows in each turn
        const std::size_t bytes = short_field_bytes(series.substr(all_bytes), v1::label);
        if (bytes == 0) break;
        all_bytes += bytes;
    }
    return all_bytes;
}

// What a sender's series nearly always has behind its labels.
bool is_one_sample(std::string_view parts) {
    return !parts.empty() && short_field_bytes(parts, v1::sample) == parts.size();
}

}  // namespace

RemoteWriteDecoder::RemoteWriteDecoder(const SampleMapping& mapping)
    : device_labels_(mapping.prometheus.device_labels),
      metadata_(limits::sample_bytes_max),
      exemplars_(exemplars_bytes_max),
      value_(limits::sample_bytes_max),
      kept_(limits::sample_bytes_max) {}

void RemoteWriteDecoder::start(std::string_view body, Dialect dialect, const DecodeOptions& options) {
    body_ = body;
    version_ = static_cast<RemoteWriteVersion>(dialect);
    request_ = WireReader(body);
    reading_ = version_ == RemoteWriteVersion::v2 ? Reading::symbols : Reading::request;
    is_malformed_ = false;
    told_ = body.data();
    records_count_ = 0;
    kinds_ = {};
    symbols_count_ = 0;
    record_.start(options.needs_raw);
}

Step RemoteWriteDecoder::next() {
    for (fields_left_count_ = fields_per_look_count; fields_left_count_ > 0; --fields_left_count_) {
        std::optional<Step> step;
        switch (reading_) {
            case Reading::symbols: step = read_symbols(); break;
            case Reading::request: step = read_request(); break;
            case Reading::labels: step = read_labels(); break;
            case Reading::samples: step = read_samples(); break;
        }
        if (is_malformed_) return refuse_body();
        if (step) return *step;
    }
    return Step::more;
}

Step RemoteWriteDecoder::refuse_body() {
    refusal_ = Refusal::invalid_protobuf;
    return Step::body_refused;
}

// --- the request ---------------------------------------------------------------------------------------------------

// The whole request is passed over for its table of symbols, which may stand behind the series.
std::optional<Step> RemoteWriteDecoder::read_symbols() {
    WireField field;
    if (request_.next(field)) {
        if (!field.is(v2::symbol, WireType::bytes)) return std::nullopt;
        if (symbols_count_ == symbols_count_max) return refuse_body();
        const bool is_plain = field.bytes.size() <= limits::sample_bytes_max && is_plain_json(field.bytes);
        symbols_[symbols_count_++] = {field.bytes, is_plain};
        return std::nullopt;
    }
    if (request_.is_malformed()) return refuse_body();
    if (symbols_count_ != 0 && !symbols_[0].text.empty()) return refuse_body();
    request_ = WireReader(body_);
    reading_ = Reading::request;
    return std::nullopt;
}

std::optional<Step> RemoteWriteDecoder::read_request() {
    WireField field;
    if (request_.next(field)) {
        const bool is_v2 = version_ == RemoteWriteVersion::v2;
        if (field.type != WireType::bytes) return std::nullopt;
        if (field.number == (is_v2 ? v2::series : v1::series)) begin_series(field.bytes);
        // The message of the other version: each would seem empty to the other.
        else if (is_v2 ? field.number <= v1::metadata : field.number == v2::symbol || field.number == v2::series)
            return refuse_body();
        return std::nullopt;
    }
    if (request_.is_malformed()) return refuse_body();
    told_ = request_.at();
    return Step::end;
}

const RemoteWriteDecoder::Symbol* RemoteWriteDecoder::symbol(std::uint64_t ref) const {
    return ref < symbols_count_ ? &symbols_[ref] : nullptr;
}

// --- a series: labels ----------------------------------------------------------------------------------------------

void RemoteWriteDecoder::begin_series(std::string_view series) {
    series_ = series;
    told_ = series.data();
    clear_series();
    find_known_labels();
}

void RemoteWriteDecoder::clear_series() {
    parts_ = WireReader(series_);
    records_begin_ = nullptr;
    reading_ = Reading::labels;
    front_ = {};
    has_known_labels_ = has_split_labels_ = false;
    fault_ = std::nullopt;
    name_ = device_ = kind_ = unit_ = metadata_json_ = {};
    device_rank_ = device_labels_.size();
    labels_count_ = 0;
    greatest_name_ = {};
    labels_seen_count_ = 0;
    open_name_ = nullptr;
    has_samples_ = has_histograms_ = false;
    exemplars_count_ = exemplars_tried_count_ = 0;
    metadata_.clear();
    exemplars_.clear();
}

// Those of 2.0 are references into a table, which each request has anew.
void RemoteWriteDecoder::find_known_labels() {
    if (version_ == RemoteWriteVersion::v2) return;
    front_ = series_.substr(0, labels_bytes(series_));
    has_known_labels_ = known_.is_known(front_, found_);
    if (!has_known_labels_) return;
    const std::string_view behind = series_.substr(front_.size());
    parts_ = WireReader(behind);
    if (!is_one_sample(behind)) return;
    complete_labels();
    records_begin_ = behind.data();
    reading_ = Reading::samples;
}

// All of them at once, as a rule: a series has few parts.
std::optional<Step> RemoteWriteDecoder::read_labels() {
    WireField field;
    for (; fields_left_count_ > 0; --fields_left_count_) {
        const char* const begin = parts_.at();
        if (!parts_.next(field)) return end_labels();
        const Part part = part_of(field);
        const bool is_record = part == Part::sample || part == Part::histogram;
        if (records_begin_ == nullptr && is_record) records_begin_ = begin;
        take_part(part, field);
        if (is_malformed_) break;
    }
    return std::nullopt;
}

// By the number of the field: of TimeSeries in prometheus.WriteRequest, and in io.prometheus.write.v2.Request.
RemoteWriteDecoder::Part RemoteWriteDecoder::part_of(const WireField& field) const {
    using enum Part;
    constexpr std::array<Part, 6> parts_v1{other, labels, sample, exemplar, histogram, other};
    constexpr std::array<Part, 6> parts_v2{other, labels, sample, histogram, exemplar, metadata};
    if (field.type != WireType::bytes || field.number >= parts_v1.size()) return other;
    return (version_ == RemoteWriteVersion::v2 ? parts_v2 : parts_v1)[field.number];
}

// Records are read from the first one on: labels stand in front of them.
std::optional<Step> RemoteWriteDecoder::end_labels() {
    if (parts_.is_malformed()) return refuse_body();
    complete_labels();
    const char* const end = series_.data() + series_.size();
    const char* const begin = records_begin_ == nullptr ? end : records_begin_;
    parts_ = WireReader({begin, static_cast<std::size_t>(end - begin)});
    reading_ = Reading::samples;
    return std::nullopt;
}

void RemoteWriteDecoder::take_part(Part part, const WireField& field) {
    const bool is_v2 = version_ == RemoteWriteVersion::v2;
    switch (part) {
        case Part::labels: return is_v2 ? take_refs(field.bytes) : take_label(field.bytes);
        case Part::sample: has_samples_ = true; return;
        case Part::histogram: has_histograms_ = true; return;
        case Part::exemplar: return take_exemplar(field.bytes);
        case Part::metadata: return take_metadata(field.bytes);
        case Part::other:
            if (is_v2 && field.is(v2::label_refs, WireType::varint)) take_ref(field.value);
    }
}

void RemoteWriteDecoder::take_label(std::string_view message) {
    const bool is_behind = message.data() >= front_.data() + front_.size();
    if (is_behind && has_known_labels_) return clear_series();  // all of them are read then
    has_split_labels_ = has_split_labels_ || is_behind;
    add_label(label_of(message));
}

void RemoteWriteDecoder::take_refs(std::string_view packed) {
    WireReader refs(packed);
    std::uint64_t ref;
    while (!fault_ && refs.next_varint(ref)) take_ref(ref);  // ends: with the refs, or with too many labels
    is_malformed_ = is_malformed_ || refs.is_malformed();
}

RemoteWriteDecoder::Label RemoteWriteDecoder::label_of(std::string_view message) {
    Label label;
    if (message.size() > limits::sample_bytes_max) {
        fault_ = Refusal::sample_too_large;
        return label;
    }
    WireReader reader(message);
    WireField field;
    while (reader.next(field)) {
        if (field.is(v1::label_name, WireType::bytes)) label.name = field.bytes;
        if (field.is(v1::label_value, WireType::bytes)) label.value = field.bytes;
    }
    is_malformed_ = is_malformed_ || reader.is_malformed();
    label.is_plain = is_plain_json(label.name) && is_plain_json(label.value);
    return label;
}

// Two are a label: its name, its value.
void RemoteWriteDecoder::take_ref(std::uint64_t ref) {
    const Symbol* const value = symbol(ref);
    if (value == nullptr) {
        fault_ = Refusal::bad_symbol;
        return;
    }
    const Symbol* const name = std::exchange(open_name_, open_name_ == nullptr ? value : nullptr);
    if (name != nullptr) add_label({name->text, value->text, name->is_plain && value->is_plain});
}

void RemoteWriteDecoder::add_label(const Label& label) {
    if (fault_) return;
    if (labels_seen_count_++ == labels_seen_count_max) {
        fault_ = Refusal::too_many_members;
        return;
    }
    if (label.name.size() + label.value.size() > limits::sample_bytes_max) {
        fault_ = Refusal::sample_too_large;
        return;
    }
    if (label.name.empty() || (!label.is_plain && !(is_text(label.name) && is_text(label.value)))) {
        fault_ = Refusal::bad_label;
        return;
    }
    if (label.value.empty()) return;  // as if it were not there
    if (is_known(label.name)) fault_ = Refusal::duplicate_member;
    if (labels_count_ == names_.size()) fault_ = Refusal::too_many_members;
    if (fault_) return;
    names_[labels_count_++] = label.name;
    if (label.name == "__name__") {
        name_ = label.value;
        return;
    }
    const auto rank = static_cast<std::size_t>(std::ranges::find(device_labels_, label.name) - device_labels_.begin());
    if (rank < device_rank_) {
        device_rank_ = rank;
        device_ = label.value;
    }
    const char before = metadata_.size() == 0 ? '{' : ',';
    if (label.is_plain) return metadata_.plain_member(before, label.name, label.value);
    metadata_.raw(before);
    metadata_.string(label.name);
    metadata_.raw(':');
    metadata_.string(label.value);
}

// Senders sort labels: then each is compared with the one before it, and with no other.
bool RemoteWriteDecoder::is_known(std::string_view name) {
    if (name > greatest_name_) {
        greatest_name_ = name;
        return false;
    }
    const auto known = std::span(names_).first(labels_count_);
    return std::ranges::find(known, name) != known.end();
}

void RemoteWriteDecoder::complete_labels() {
    if (exemplars_.size() != 0) exemplars_.raw(']');
    if (has_known_labels_) return use_known_labels();
    const bool is_mixed = has_samples_ && has_histograms_ && version_ == RemoteWriteVersion::v2;
    if (open_name_ != nullptr && !fault_) fault_ = Refusal::bad_symbol;
    if (is_mixed && !fault_) fault_ = Refusal::mixed_series;
    if (fault_) return;
    if (metadata_.size() != 0) metadata_.raw('}');
    metadata_json_ = metadata_.view();
    if (metadata_.is_full()) fault_ = Refusal::sample_too_large;
    else if (name_.empty()) fault_ = Refusal::missing_name;
    else if (name_.size() > limits::type_bytes_max || has_control_character(name_)) fault_ = Refusal::bad_type;
    if (device_.empty()) device_ = name_;
    else if (device_.size() > limits::device_id_bytes_max || has_control_character(device_))
        fault_ = fault_ ? fault_ : Refusal::bad_device_id;
    if (!fault_) keep_labels();
}

void RemoteWriteDecoder::use_known_labels() {
    name_ = found_.name;
    device_ = found_.device;
    metadata_json_ = found_.metadata;
}

void RemoteWriteDecoder::keep_labels() {
    if (!front_.empty() && !has_split_labels_) known_.keep(front_, {name_, device_, metadata_json_});
}

void RemoteWriteDecoder::take_metadata(std::string_view message) {
    if (message.size() > limits::sample_bytes_max) return;
    WireReader reader(message);
    WireField field;
    while (reader.next(field)) {
        if (field.is(v2::metadata_type, WireType::varint) && field.value < kind_names.size())
            kind_ = kind_names[field.value];
        if (field.is(v2::metadata_unit_ref, WireType::varint)) {
            const Symbol* const found = symbol(field.value);
            const std::string_view unit = found == nullptr ? std::string_view{} : found->text;
            const bool fits = unit.size() <= limits::unit_bytes_max && is_text(unit) && !has_control_character(unit);
            unit_ = fits ? unit : std::string_view{};
        }
    }
    is_malformed_ = is_malformed_ || reader.is_malformed();
}

// --- a series: records ---------------------------------------------------------------------------------------------

std::optional<Step> RemoteWriteDecoder::read_samples() {
    WireField field;
    if (parts_.next(field)) {
        const Part part = part_of(field);
        if (part == Part::sample) return take_sample(field.bytes);
        if (part == Part::histogram) return take_histogram(field.bytes);
        return std::nullopt;
    }
    reading_ = Reading::request;
    if (records_begin_ == nullptr && exemplars_count_ != 0) return take_lone_exemplars();
    return std::nullopt;
}

Step RemoteWriteDecoder::take_sample(std::string_view message) {
    begin_record();
    if (message.size() > limits::sample_bytes_max) return give(Refusal::sample_too_large, {});
    double value = 0;
    Times times;
    WireReader reader(message);
    WireField field;
    while (reader.next(field)) {
        if (field.is(sample_value, WireType::fixed64)) value = field.real();
        if (field.is(sample_timestamp, WireType::varint)) times.timestamp_ms = field.integer();
        if (field.is(v2::sample_start, WireType::varint)) times.start_ms = field.integer();
    }
    is_malformed_ = is_malformed_ || reader.is_malformed();
    value_.real(value);
    const std::string_view text = value_.view();
    sample_.values = {};
    sample_.value_kind = std::isfinite(value) ? ValueKind::number : ValueKind::string;
    sample_.value = std::isfinite(value) ? text : text.substr(1, text.size() - 2);
    if (std::bit_cast<std::uint64_t>(value) == stale_bits) add_other("stale", "true");
    const Step step = give(std::nullopt, times);
    if (step == Step::sample) ++kinds_.samples_count;
    return step;
}

Step RemoteWriteDecoder::take_histogram(std::string_view message) {
    begin_record();
    if (message.size() > limits::sample_bytes_max) return give(Refusal::sample_too_large, {});
    NativeHistogram histogram;
    const bool is_message = histogram.read(message);
    is_malformed_ = is_malformed_ || !is_message;
    if (!is_message || !histogram.is_valid()) return give(Refusal::bad_histogram, {});
    histogram.write_values(value_);
    sample_.value = {};
    sample_.value_kind = ValueKind::none;
    sample_.values = value_.view();
    const std::size_t begin = kept_.size();
    histogram.write_buckets(kept_);
    add_other("histogram", kept_.since(begin));
    if (std::bit_cast<std::uint64_t>(histogram.sum()) == stale_bits) add_other("stale", "true");
    const Step step = give(std::nullopt, {histogram.timestamp_ms(), histogram.start_ms()});
    if (step == Step::sample) ++kinds_.histograms_count;
    return step;
}

void RemoteWriteDecoder::begin_record() {
    ++records_count_;
    others_count_ = 0;
    value_.clear();
    kept_.clear();
}

void RemoteWriteDecoder::add_other(std::string_view name, std::string_view json) {
    others_[others_count_++] = {name, json, true};
}

Step RemoteWriteDecoder::give(Fault fault, const Times& times) {
    if (is_malformed_) return refuse_body();
    if (fault_) fault = fault_;
    if (!fault) fault = complete(times);
    if (!fault) return Step::sample;
    refusal_ = *fault;
    return Step::record_refused;
}

RemoteWriteDecoder::Fault RemoteWriteDecoder::complete(const Times& times) {
    if (times.timestamp_ms < 0 || times.timestamp_ms > ms_max) return Refusal::bad_timestamp;
    sample_.device_id = device_;
    sample_.type = name_;
    sample_.unit = unit_;
    sample_.metadata = metadata_json_;
    sample_.timestamp_ns = times.timestamp_ms * 1'000'000;
    write_kind(times.start_ms);
    if (value_.is_full() || kept_.is_full()) return Refusal::sample_too_large;
    return write_record() ? Fault{} : Refusal::sample_too_large;
}

// Exemplars come with the first record of their series, if it has room for them.
bool RemoteWriteDecoder::write_record() {
    const std::uint32_t exemplars_count = std::exchange(exemplars_count_, 0);
    if (exemplars_count != 0) {
        add_other("exemplars", exemplars_.view());
        sample_.others = {others_.data(), others_count_};
        if (record_.keep(sample_)) {
            kinds_.exemplars_count += exemplars_count;
            return true;
        }
        --others_count_;
    }
    sample_.others = {others_.data(), others_count_};
    return record_.keep(sample_);
}

// 2.0 tells what the series is and when it was reset last.
void RemoteWriteDecoder::write_kind(std::int64_t start_ms) {
    const bool has_start = start_ms > 0 && start_ms <= ms_max;
    if (kind_.empty() && !has_start) return;
    const std::size_t begin = kept_.size();
    kept_.raw('{');
    if (!kind_.empty()) {
        kept_.raw("\"kind\":");
        kept_.string(kind_);
    }
    if (has_start) {
        kept_.raw(kind_.empty() ? "\"start\":" : ",\"start\":");
        kept_.number(start_ms * 1'000'000);
    }
    kept_.raw('}');
    add_other("prometheus", kept_.since(begin));
}

}  // namespace sluice::parsers
