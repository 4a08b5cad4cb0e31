#include "parsers/influx/line_decoder.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <system_error>

#include "parsers/influx/line_text.hpp"
#include "parsers/utf8.hpp"

namespace sluice::parsers {
namespace {

using line::class_of;

// What ends a token, and what a backslash in it escapes.
constexpr std::uint8_t ends_measurement = line::comma | line::space;
constexpr std::uint8_t ends_name = line::comma | line::space | line::equals;

// Of blank lines, comments and skipped lines: how much one next() passes over, some 50 µs.
constexpr std::size_t bytes_per_look = 64 * limits::kib;

constexpr std::int64_t ns_of(Precision precision) {
    switch (precision) {
        case Precision::h: return 3'600'000'000'000;
        case Precision::m: return 60'000'000'000;
        case Precision::s: return 1'000'000'000;
        case Precision::ms: return 1'000'000;
        case Precision::us: return 1'000;
        case Precision::ns:
        case Precision::by_magnitude: break;
    }
    return 1;
}

constexpr std::int64_t ns_of_magnitude(std::int64_t value) {
    if (value < epoch_s_below) return ns_of(Precision::s);
    if (value < epoch_ms_below) return ns_of(Precision::ms);
    return ns_of(value < epoch_us_below ? Precision::us : Precision::ns);
}

// memchr: a comment may be a whole body.
const char* line_feed_from(const char* at, const char* end) {
    const void* const found = std::memchr(at, '\n', static_cast<std::size_t>(end - at));
    return found == nullptr ? end : static_cast<const char*>(found);
}

bool is_escape(const char* at, const char* end, std::uint8_t escapable_bits) {
    return *at == '\\' && at + 1 != end && (class_of(at[1]) & escapable_bits) != 0;
}

}  // namespace

LineDecoder::LineDecoder(const SampleMapping& mapping)
    : mapping_(mapping.influx),
      metadata_(limits::sample_bytes_max),
      values_(limits::sample_bytes_max),
      strings_(limits::sample_bytes_max) {}

void LineDecoder::start(std::string_view body, Dialect, const DecodeOptions& options) {
    body_ = at_ = begin_ = told_ = body.data();
    body_end_ = end_ = body.data() + body.size();
    options_ = options;
    sample_.others = mapping_.keeps_database ? options.others : std::span<const Member>{};
    record_.start(options.needs_raw);
    records_count_ = 0;
    is_skipping_ = false;
}

Step LineDecoder::next() {
    if (const Step step = find_point(); step != Step::sample) return step;
    ++records_count_;
    begin_ = at_;
    const auto left_bytes = static_cast<std::size_t>(body_end_ - at_);
    end_ = at_ + std::min(left_bytes, limits::sample_bytes_max);
    auto fault = read_point();
    if (at_ == end_ && end_ != body_end_ && *at_ != '\n') {
        fault = Refusal::sample_too_large;
        is_skipping_ = true;
    }
    end_ = body_end_;
    told_ = fault ? begin_ : at_;
    if (!fault) return Step::sample;
    refusal_ = *fault;
    if (!is_skipping_) leave_refused_line();
    return Step::record_refused;
}

// --- between points ------------------------------------------------------------------------------------------------

Step LineDecoder::find_point() {
    const char* const look_end = at_ + std::min(static_cast<std::size_t>(end_ - at_), bytes_per_look);
    if (is_skipping_ && !skip_rest()) return Step::more;
    while (at_ < look_end) {
        told_ = at_;
        const char c = *at_;
        if (c == '#') {
            at_ = line_feed_from(at_, end_);
        } else if (c == ' ' || c == '\n' || (c == '\r' && is_at_line_end())) {
            ++at_;
        } else {
            return Step::sample;
        }
    }
    told_ = at_;
    return at_ == end_ ? Step::end : Step::more;
}

bool LineDecoder::skip_rest() {
    const char* const look_end = at_ + std::min(static_cast<std::size_t>(end_ - at_), bytes_per_look);
    for (; at_ < look_end; ++at_) {
        if (*at_ == '"') {
            is_in_string_ = !is_in_string_;
        } else if (*at_ == '\\' && is_in_string_ && at_ + 1 != end_ && (at_[1] == '"' || at_[1] == '\\')) {
            ++at_;
        } else if (*at_ == '\n' && !is_in_string_) {
            break;
        }
    }
    told_ = at_;
    is_skipping_ = at_ >= look_end && at_ != end_;
    return !is_skipping_;
}

void LineDecoder::leave_refused_line() { at_ = line_feed_from(at_, end_); }

bool LineDecoder::is_at_line_end() const {
    if (at_ == end_ || *at_ == '\n') return true;
    return *at_ == '\r' && (at_ + 1 == end_ || at_[1] == '\n');
}

void LineDecoder::skip_spaces() {
    while (is_at(' ')) ++at_;
}

// --- a point -------------------------------------------------------------------------------------------------------

LineDecoder::Fault LineDecoder::read_point() {
    seen_bits_ = 0;
    device_rank_ = mapping_.device_tags.size();
    is_in_string_ = false;
    metadata_.clear();
    values_.clear();
    strings_.clear();
    const char* const begin = at_;
    if (auto fault = read_measurement()) return fault;
    if (auto fault = read_tags()) return fault;
    if (auto fault = read_fields()) return fault;
    if (auto fault = read_timestamp()) return fault;
    const std::string_view text(begin, static_cast<std::size_t>(at_ - begin));
    if ((seen_bits_ & line::non_ascii) != 0 && !is_utf8(text)) return Refusal::malformed_line;
    return complete();
}

LineDecoder::Fault LineDecoder::read_measurement() {
    measurement_ = take(ends_measurement, ends_measurement);
    if (measurement_.text.empty() || measurement_.text.ends_with('\\')) return Refusal::bad_measurement;
    if (is_at_line_end()) return Refusal::missing_fields;
    return is_at(',') || is_at(' ') ? Fault{} : Refusal::bad_measurement;
}

LineDecoder::Fault LineDecoder::read_tags() {
    tag_names_.clear();
    while (is_at(','))
        if (auto fault = read_tag()) return fault;
    if (metadata_.size() != 0) metadata_.raw('}');
    if (is_at_line_end()) return Refusal::missing_fields;
    return std::nullopt;
}

LineDecoder::Fault LineDecoder::read_tag() {
    ++at_;  // the comma
    const Token name = take(ends_name, ends_name);
    if (name.text.empty() || name.text.ends_with('\\') || !is_at('=')) return Refusal::bad_tag;
    ++at_;
    const Token value = take(ends_name, ends_name);
    if (value.text.empty() || value.text.ends_with('\\') || !(is_at(',') || is_at(' ') || is_at_line_end()))
        return Refusal::bad_tag;
    if (tag_names_.count() == limits::members_count_max) return Refusal::too_many_members;
    if (!tag_names_.insert(name.text)) return Refusal::duplicate_member;
    const std::size_t rank = device_rank_of(name);
    if (rank < device_rank_) {
        device_rank_ = rank;
        device_ = value;
    }
    metadata_.raw(metadata_.size() == 0 ? std::string_view("{\"") : std::string_view(",\""));
    write_inside(name, ends_name, metadata_);
    metadata_.raw("\":\"");
    write_inside(value, ends_name, metadata_);
    metadata_.raw('"');
    return std::nullopt;
}

// As many as there are: it names no device.
std::size_t LineDecoder::device_rank_of(const Token& tag_name) {
    const auto& tags = mapping_.device_tags;
    const auto name = unescaped(tag_name, ends_name, name_text_);
    return name ? static_cast<std::size_t>(std::ranges::find(tags, *name) - tags.begin()) : tags.size();
}

LineDecoder::Fault LineDecoder::read_fields() {
    skip_spaces();
    if (is_at_line_end()) return Refusal::missing_fields;
    field_names_.clear();
    if (auto fault = read_field()) return fault;
    while (is_at(',')) {
        ++at_;
        if (auto fault = read_field()) return fault;
    }
    values_.raw('}');
    return std::nullopt;
}

LineDecoder::Fault LineDecoder::read_field() {
    const Token name = take(ends_name, ends_name);
    if (name.text.empty() || name.text.ends_with('\\') || !is_at('=')) return Refusal::bad_field;
    ++at_;
    if (field_names_.is_full()) return Refusal::too_many_values;
    if (!field_names_.insert(name.text)) return Refusal::duplicate_member;
    if (field_names_.count() == 1) first_field_ = name.text;
    values_.raw(values_.size() == 0 ? std::string_view("{\"") : std::string_view(",\""));
    write_inside(name, ends_name, values_);
    values_.raw("\":");
    if (auto fault = is_at('"') ? read_string() : read_bare()) return fault;
    return is_at(',') || is_at(' ') || is_at_line_end() ? Fault{} : Refusal::bad_field_value;
}

// Only \" and \\ are escapes; line feeds and all other bytes but NUL are data.
LineDecoder::Fault LineDecoder::read_string() {
    kind_ = ValueKind::string;
    is_in_string_ = true;
    values_.raw('"');
    const char* const begin = ++at_;
    const char* piece = begin;
    const std::size_t copied_begin = strings_.size();
    bool has_escapes = false;
    for (; !is_at('"'); ++at_) {
        if (at_ == end_) {
            if (end_ == body_end_) at_ = begin;  // the lines that it would have taken are read for themselves
            return Refusal::unclosed_string;
        }
        if (*at_ == '\0') return Refusal::bad_field_value;
        seen_bits_ |= class_of(*at_);
        if (*at_ != '\\' || at_ + 1 == end_ || (at_[1] != '"' && at_[1] != '\\')) continue;
        has_escapes = true;
        const std::string_view before(piece, static_cast<std::size_t>(at_ - piece));
        values_.inside(before);
        strings_.raw(before);
        piece = ++at_;  // the escaped byte begins the next piece
    }
    is_in_string_ = false;
    const std::string_view rest(piece, static_cast<std::size_t>(at_ - piece));
    values_.inside(rest);
    values_.raw('"');
    ++at_;
    if (has_escapes) strings_.raw(rest);
    string_ =
        has_escapes ? strings_.since(copied_begin) : std::string_view(begin, static_cast<std::size_t>(at_ - 1 - begin));
    return std::nullopt;
}

LineDecoder::Fault LineDecoder::read_bare() {
    const char* const begin = at_;
    while (at_ != end_ && (class_of(*at_) & (line::comma | line::space | line::control)) == 0) ++at_;
    const std::size_t written_begin = values_.size();
    bool is_boolean = false;
    const auto fault = line::write_bare_value({begin, static_cast<std::size_t>(at_ - begin)}, values_, is_boolean);
    kind_ = is_boolean ? ValueKind::boolean : ValueKind::number;
    bare_ = values_.since(written_begin);
    return fault;
}

LineDecoder::Fault LineDecoder::read_timestamp() {
    std::int64_t unit_ns = ns_of(options_.precision);
    sample_.timestamp_ns = options_.arrival_ns - options_.arrival_ns % unit_ns;
    skip_spaces();
    if (is_at_line_end()) return std::nullopt;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(at_, end_, value);
    if (error == std::errc::invalid_argument) return Refusal::bad_line_timestamp;
    at_ = end;
    const bool is_said = options_.precision != Precision::by_magnitude;
    if (!is_said && mapping_.precision == InfluxPrecision::by_magnitude) unit_ns = ns_of_magnitude(value);
    const bool is_outside = error == std::errc::result_out_of_range || value < 0 ||
                            __builtin_mul_overflow(value, unit_ns, &sample_.timestamp_ns);
    skip_spaces();
    return is_outside || !is_at_line_end() ? Refusal::bad_line_timestamp : Fault{};
}

LineDecoder::Fault LineDecoder::complete() {
    if (metadata_.is_full() || values_.is_full() || strings_.is_full()) return Refusal::sample_too_large;
    const auto type = unescaped(measurement_, ends_measurement, type_text_);
    if (!type || type->size() > limits::type_bytes_max) return Refusal::bad_measurement;
    sample_.type = *type;
    if (auto fault = keep_device()) return fault;
    const bool is_single_value = field_names_.count() == 1 && first_field_ == "value";
    sample_.value_kind = is_single_value ? kind_ : ValueKind::none;
    sample_.value = !is_single_value ? std::string_view{} : kind_ == ValueKind::string ? string_ : bare_;
    sample_.values = is_single_value ? std::string_view{} : values_.view();
    sample_.metadata = metadata_.view();
    if (has_control_character(sample_.type) || has_control_character(sample_.device_id))
        return Refusal::bad_measurement;
    return record_.keep(sample_) ? Fault{} : Refusal::sample_too_large;
}

LineDecoder::Fault LineDecoder::keep_device() {
    if (device_rank_ == mapping_.device_tags.size()) {
        if (mapping_.is_device_required) return Refusal::missing_device_id;
        sample_.device_id = sample_.type;
        return std::nullopt;
    }
    const auto device = unescaped(device_, ends_name, device_text_);
    if (!device || device->size() > limits::device_id_bytes_max) return Refusal::bad_device_id;
    sample_.device_id = *device;
    return std::nullopt;
}

// --- tokens --------------------------------------------------------------------------------------------------------

LineDecoder::Token LineDecoder::take(std::uint8_t stop_bits, std::uint8_t escapable_bits) {
    const char* const begin = at_;
    std::uint8_t seen = 0;
    bool has_escapes = false;
    for (; at_ != end_; ++at_) {
        const std::uint8_t bits = class_of(*at_);
        if ((bits & (stop_bits | line::control)) != 0) break;
        seen |= bits;
        if ((bits & line::backslash) == 0) continue;
        if (!is_escape(at_, end_, escapable_bits)) continue;  // a backslash that stays
        has_escapes = true;
        ++at_;
    }
    seen_bits_ |= seen;
    const bool is_plain = (seen & line::json_special) == 0;
    return {{begin, static_cast<std::size_t>(at_ - begin)}, has_escapes, is_plain};
}

void LineDecoder::write_inside(const Token& token, std::uint8_t escapable_bits, JsonWriter& out) {
    if (token.is_plain) return out.raw(token.text);
    const char* const end = token.text.data() + token.text.size();
    for (const char* at = token.text.data(); at != end; ++at) {
        if (is_escape(at, end, escapable_bits)) ++at;
        out.inside(*at);
    }
}

template <std::size_t size>
std::optional<std::string_view> LineDecoder::unescaped(const Token& token, std::uint8_t escapable_bits,
                                                       std::array<char, size>& buffer) {
    if (!token.has_escapes) return token.text;
    std::size_t bytes = 0;
    const char* const end = token.text.data() + token.text.size();
    for (const char* at = token.text.data(); at != end; ++at) {
        if (is_escape(at, end, escapable_bits)) ++at;
        if (bytes == buffer.size()) return std::nullopt;
        buffer[bytes++] = *at;
    }
    return std::string_view(buffer.data(), bytes);
}

}  // namespace sluice::parsers
