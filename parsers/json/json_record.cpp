#include "parsers/json/json_record.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "engine/core/check.hpp"
#include "parsers/json/json_text.hpp"

namespace sluice::parsers {
namespace {

// One past the bracket that ends a container whose last byte read so far is before `at`. The iteration has
// seen the bracket, so there is one.
const char* past_bracket(const char* at) {
    while (is_json_space(*at)) ++at;
    return at + 1;
}

// The value of a result that is no error, where it lies: get() would copy it with a 16-byte load right behind
// the 8- and 4-byte stores that made it, which stalls the processor: half of the profile's samples in read() stood at
// that load.
template <typename T>
T& in_place(simdjson::simdjson_result<T>& result) {
    T&& moved = std::move(result).value_unsafe();
    T& place = moved;  // C++23 would return `moved` itself as an rvalue
    return place;
}

// `end` if there is none.
const char* find_byte(char byte, const char* begin, const char* end) {
    const void* found = std::memchr(begin, byte, static_cast<std::size_t>(end - begin));
    return found == nullptr ? end : static_cast<const char*>(found);
}

// The first line feed or carriage return; `end` or behind it if there is none. limits::body_padding_bytes are readable
// behind `end`.
const char* find_line_break(const char* begin, const char* end) {
#ifdef __SSE2__
    const __m128i line_feeds = _mm_set1_epi8('\n');
    const __m128i carriage_returns = _mm_set1_epi8('\r');
    for (; begin < end; begin += sizeof(__m128i)) {
        __m128i bytes;
        std::memcpy(&bytes, begin, sizeof bytes);
        const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(bytes, line_feeds), _mm_cmpeq_epi8(bytes, carriage_returns));
        if (const int mask = _mm_movemask_epi8(found); mask != 0)
            return begin + std::countr_zero(static_cast<unsigned>(mask));
    }
    return end;
#else
    return std::min(find_byte('\n', begin, end), find_byte('\r', begin, end));
#endif
}

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

}  // namespace

void RecordReader::start(std::string_view body, const Options& options) {
    options_ = options;
    body_end_ = body.data() + body.size();
    next_backslash_ = next_line_break_ = nullptr;
}

// A search goes no further than a window: its time must not grow with the body.
inline const char* RecordReader::horizon_of(const char* begin) const {
    const auto left_bytes = static_cast<std::size_t>(body_end_ - begin);
    return begin + std::min(left_bytes, limits::decode_window_bytes);
}

// Most records have no escape at all, so the body's next backslash answers for all of their strings.
inline bool RecordReader::has_escape(std::string_view text) const {
    const char* const end = text.data() + text.size();
    return end > next_backslash_ && find_byte('\\', text.data(), end) != end;
}

// A string that does not fit what a sample may hold is not unescaped, and the record marked as too large.
std::string_view RecordReader::unescape(std::string_view inside) {
    std::string_view text;
    if (strings_bytes_ + inside.size() + simdjson::SIMDJSON_PADDING > strings_.size()) {
        is_oversized_ = true;
        return text;
    }
    auto* to = reinterpret_cast<std::uint8_t*>(strings_.data() + strings_bytes_);
    const ondemand::raw_json_string raw(reinterpret_cast<const std::uint8_t*>(inside.data()));
    CHECK(parser_.unescape(raw, to, false).get(text) == simdjson::SUCCESS);  // walk_escapes() found it valid
    strings_bytes_ += text.size();
    return text;
}

[[gnu::always_inline]] inline void RecordReader::open(const char* begin) {
    if (next_backslash_ < begin) next_backslash_ = find_byte('\\', begin, horizon_of(begin));
    begin_ = end_ = begin;
    is_refused_ = is_oversized_ = has_many_members_ = false;
    seen_bits_ = 0;
    member_count_ = other_count_ = strings_bytes_ = 0;
}

// Each of the following is called in one place and inlined there; walk() says why.
// `text` is what a string says; false if the value is no string.
[[gnu::always_inline]] inline bool RecordReader::keep_text(const Walked& value, std::string_view& text) {
    if (value.json.front() != '"') return false;
    text = value.json.substr(1, value.json.size() - 2);
    if (value.has_escapes) text = unescape(text);
    return true;
}

[[gnu::always_inline]] inline void RecordReader::keep_device_id(const Walked& value) {
    std::string_view& text = sample_.device_id;
    const bool is_text = keep_text(value, text);
    if (!is_text || text.empty() || text.size() > limits::device_id_bytes_max || has_control_character(text))
        refuse(Refusal::bad_device_id);
}

[[gnu::always_inline]] inline void RecordReader::keep_type(const Walked& value) {
    std::string_view& text = sample_.type;
    const bool is_text = keep_text(value, text);
    if (!is_text || text.empty() || text.size() > limits::type_bytes_max || has_control_character(text))
        refuse(Refusal::bad_type);
}

[[gnu::always_inline]] inline void RecordReader::keep_unit(const Walked& value) {
    std::string_view& text = sample_.unit;
    if (!keep_text(value, text) || text.size() > limits::unit_bytes_max || has_control_character(text))
        refuse(Refusal::bad_unit);
}

[[gnu::always_inline]] inline void RecordReader::keep_value(const Walked& value) {
    sample_.value_kind = ValueKind::string;
    if (keep_text(value, sample_.value)) return;
    const char first = value.json.front();
    if (first == '{' || first == '[' || first == 'n') refuse(Refusal::bad_value);
    sample_.value_kind = first == 't' || first == 'f' ? ValueKind::boolean : ValueKind::number;
    sample_.value = value.json;
}

void RecordReader::keep_values(const Walked& value) {
    const bool is_object = value.json.front() == '{';
    const bool is_empty = is_object && trim(value.json.substr(1, value.json.size() - 2)).empty();
    if (!is_object || is_empty || !objects_are_plain_) refuse(Refusal::bad_values);
    has_many_members_ = false;  // it may
    sample_.values = value.json;
}

[[gnu::always_inline]] inline void RecordReader::keep_timestamp(const Walked& value) {
    std::string_view text;
    std::int64_t timestamp_ns = no_timestamp;
    if (keep_text(value, text)) {
        timestamp_ns = parse_timestamp_text(text, last_date_);
    } else if (is_digit(value.json.front()) || value.json.front() == '-') {
        timestamp_ns = parse_timestamp_number(value.json, options_.precision);
    }
    if (timestamp_ns == no_timestamp) return refuse(Refusal::bad_timestamp);
    sample_.timestamp_ns = timestamp_ns;
}

[[gnu::always_inline]] inline void RecordReader::keep_priority(const Walked& value) {
    std::string_view text;
    if (!keep_text(value, text)) return refuse(Refusal::bad_priority);
    if (text == name_of(Priority::medium)) sample_.priority = Priority::medium;
    else if (text == name_of(Priority::low)) sample_.priority = Priority::low;
    else if (text == name_of(Priority::high)) sample_.priority = Priority::high;
    else refuse(Refusal::bad_priority);
}

void RecordReader::keep_metadata(const Walked& value) {
    if (value.json.front() != '{') return refuse(Refusal::bad_metadata);
    refuse_many();
    sample_.metadata = value.json;
}

// Of an object that is not `values`.
void RecordReader::refuse_many() {
    if (std::exchange(has_many_members_, false)) refuse(Refusal::too_many_members);
}

void RecordReader::keep_other(std::string_view key, const Walked& value) {
    refuse_many();
    for (std::size_t i = 0; i < other_count_; ++i)
        if (others_[i].name == key) return refuse(Refusal::duplicate_member);
    Member& member = others_[other_count_++];
    member.name = key;
    if (!keep_text(value, member.value)) member.value = value.json;
}

// Keeps a member that may occur once.
template <RecordReader::Field field>
[[gnu::always_inline]] inline void RecordReader::keep_field(const Walked& value) {
    constexpr std::uint32_t bit = 1u << static_cast<unsigned>(field);
    if ((seen_bits_ & bit) != 0) return refuse(Refusal::duplicate_member);
    seen_bits_ |= bit;
    if constexpr (field == Field::device_id) keep_device_id(value);
    if constexpr (field == Field::type) keep_type(value);
    if constexpr (field == Field::value) keep_value(value);
    if constexpr (field == Field::unit) keep_unit(value);
    if constexpr (field == Field::values) keep_values(value);
    if constexpr (field == Field::timestamp) keep_timestamp(value);
    if constexpr (field == Field::priority) keep_priority(value);
    if constexpr (field == Field::metadata) keep_metadata(value);
}

// One jump by the name's length, then a comparison of constant width, which is one or two loads.
[[gnu::always_inline]] inline void RecordReader::keep_member(std::string_view key, const Walked& value) {
    const auto is = [key](const auto& name) { return std::memcmp(key.data(), name, sizeof(name) - 1) == 0; };
    if (++member_count_ > limits::members_count_max) return refuse(Refusal::too_many_members);
    switch (key.size()) {
        case 4:
            if (is("type")) return keep_field<Field::type>(value);
            if (is("unit")) return keep_field<Field::unit>(value);
            break;
        case 5:
            if (is("value")) return keep_field<Field::value>(value);
            break;
        case 6:
            if (is("values")) return keep_field<Field::values>(value);
            break;
        case 8:
            if (is("priority")) return keep_field<Field::priority>(value);
            if (is("metadata")) return keep_field<Field::metadata>(value);
            break;
        case 9:
            if (is("device_id")) return keep_field<Field::device_id>(value);
            if (is("timestamp")) return keep_field<Field::timestamp>(value);
            break;
        default: break;
    }
    keep_other(key, value);
}

// The hot part of the walk. It is inlined into each loop because a call would pass On-Demand's iterators
// through memory: inlining took the decoder from 208 to 171 ns a sample.
[[gnu::always_inline]] inline RecordReader::Walked RecordReader::walk(ondemand::value& value, std::size_t level) {
    std::string_view token = value.raw_json_token();
    // Behind the last token of a truncated body On-Demand's index holds two ends and a 0: the second end would be
    // a token of nearly 4 GiB.
    if (token.size() > static_cast<std::size_t>(body_end_ - token.data())) token = {};
    token = trim_end(token);
    const char first = token.empty() ? '\0' : token.front();
    if (first == '"') {
        ondemand::raw_json_string raw;
        const bool is_closed = token.size() > 1 && token.back() == '"';
        if (is_closed && value.get_raw_json_string().get(raw) == simdjson::SUCCESS) {
            if (!has_escape(token)) return {token, false};
            if (walk_escapes(token)) return {token, true};
            return {};
        }
    } else if (first == '{' || first == '[') {
        const End end = walk_container(value, token, level + 1);
        if (end == nullptr) return {};
        return {between(token.data(), end)};
    } else if (walk_scalar(token)) {
        return {token};  // the iteration skips it by itself
    }
    broken(token.data() != nullptr ? token.data() : body_end_);
    return {};
}

RecordState RecordReader::read(ondemand::object object, const char* begin) {
    open(begin);
    const char* last = begin + 1;
    for (auto member : object) {
        if (member.error() != simdjson::SUCCESS) return close(broken(last));
        ondemand::field& field = in_place(member);
        std::string_view key = field.escaped_key();
        objects_are_plain_ = true;
        const Walked value = walk(field.value(), 1);
        if (value.json.empty()) return close(nullptr);
        if (has_escape(key)) {
            if (!walk_escapes(key)) return close(nullptr);
            key = unescape(key);
        }
        keep_member(key, value);
        last = value.json.data() + value.json.size();
    }
    check_completeness();
    clear_absent();
    return close(past_bracket(last));
}

RecordState RecordReader::read(ondemand::value& value) {
    const std::string_view token = value.raw_json_token();
    if (token.starts_with('{')) {
        ondemand::object object;
        if (value.get_object().get(object) != simdjson::SUCCESS) return close(broken(token.data()));
        return read(object, token.data());
    }
    open(token.data());
    refuse(Refusal::not_an_object);
    const Walked walked = walk(value, 0);
    return close(walked.json.empty() ? nullptr : walked.json.data() + walked.json.size());
}

RecordState RecordReader::read(ondemand::array array, const char* begin) {
    open(begin);
    refuse(Refusal::not_an_object);
    return close(walk_array(array, begin, 1));
}

RecordState RecordReader::read(std::string_view token) {
    open(token.data());
    refuse(Refusal::not_an_object);
    const bool is_string = token.size() > 1 && token.front() == '"' && token.back() == '"';
    const bool is_valid = is_string ? walk_escapes(token) : walk_scalar(token);
    return close(is_valid ? token.data() + token.size() : broken(token.data()));
}

RecordState RecordReader::close(End end) {
    if (end == nullptr) {
        refusal_ = fault_;
        return RecordState::broken;
    }
    end_ = end;
    sample_.others = {others_.data(), other_count_};
    if (is_oversized_ || static_cast<std::size_t>(end_ - begin_) > limits::sample_bytes_max) {
        refusal_ = Refusal::sample_too_large;
        return RecordState::refused;
    }
    sample_.raw = end_ <= next_line_break_ ? between(begin_, end_) : one_line();
    return is_refused_ ? RecordState::refused : RecordState::sample;
}

// Between its tokens alone a record can have line breaks: inside strings they are escaped.
std::string_view RecordReader::one_line() {
    if (next_line_break_ < begin_) {
        const char* const horizon = horizon_of(begin_);
        next_line_break_ = options_.are_lines ? find_byte('\r', begin_, horizon) : find_line_break(begin_, horizon);
    }
    const std::string_view record = between(begin_, end_);
    if (end_ <= next_line_break_) return record;
    std::ranges::replace_copy_if(record, line_.begin(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return {line_.data(), record.size()};
}

void RecordReader::check_completeness() {
    const bool has_values = has(Field::values);
    if (!has(Field::device_id)) return refuse(Refusal::missing_device_id);
    if (has_values && has(Field::value)) return refuse(Refusal::ambiguous_value);
    if (!has_values && !(has(Field::type) && has(Field::value))) refuse(Refusal::missing_value);
}

// sample_ still holds the last record's members. Clearing it as a whole beforehand costs a tenth of a record.
void RecordReader::clear_absent() {
    if (!has(Field::type)) sample_.type = {};
    if (!has(Field::value)) {
        sample_.value = {};
        sample_.value_kind = ValueKind::none;
    }
    if (!has(Field::unit)) sample_.unit = {};
    if (!has(Field::values)) sample_.values = {};
    if (!has(Field::timestamp)) sample_.timestamp_ns = options_.arrival_ns;
    if (!has(Field::priority)) sample_.priority = Priority::none;
    if (!has(Field::metadata)) sample_.metadata = {};
}

RecordReader::End RecordReader::walk_container(ondemand::value value, std::string_view token, std::size_t level) {
    if (token.front() == '{') {
        ondemand::object object;
        if (value.get_object().get(object) != simdjson::SUCCESS) return broken(token.data());
        return walk_object(object, token.data(), level);
    }
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return broken(token.data());
    return walk_array(array, token.data(), level);
}

RecordReader::End RecordReader::walk_object(ondemand::object object, const char* begin, std::size_t level) {
    if (level > limits::json_depth_max) return broken(begin, Refusal::json_too_deep);
    KeySet keys;
    const char* last = begin + 1;
    for (auto member : object) {
        if (member.error() != simdjson::SUCCESS) return broken(last);
        ondemand::field& field = in_place(member);
        std::string_view key = field.escaped_key();
        const Walked value = walk(field.value(), level);
        if (value.json.empty()) return nullptr;
        if (has_escape(key)) {
            if (!walk_escapes(key)) return nullptr;
            key = unescape(key);
        }
        switch (keys.insert(key)) {
            case KeySet::Insertion::fresh: break;
            case KeySet::Insertion::duplicate: refuse(Refusal::duplicate_member); break;
            case KeySet::Insertion::full: keep_many(keys, key, level); break;
        }
        const char first = value.json.front();
        objects_are_plain_ &= first != '{' && first != '[' && first != 'n';
        last = value.json.data() + value.json.size();
    }
    return past_bracket(last);
}

// A member more than most objects may have: `values` may.
void RecordReader::keep_many(const KeySet& first, std::string_view key, std::size_t level) {
    if (level != 2) return refuse(Refusal::too_many_members);
    if (!has_many_members_) {
        has_many_members_ = true;
        many_names_.clear();
        for (std::size_t i = 0; i < first.count(); ++i) CHECK(many_names_.insert(first[i]));
    }
    if (many_names_.is_full()) return refuse(Refusal::too_many_values);
    if (!many_names_.insert(key)) refuse(Refusal::duplicate_member);
}

RecordReader::End RecordReader::walk_array(ondemand::array array, const char* begin, std::size_t level) {
    if (level > limits::json_depth_max) return broken(begin, Refusal::json_too_deep);
    const char* last = begin + 1;
    for (auto element : array) {
        if (element.error() != simdjson::SUCCESS) return broken(last);
        const Walked walked = walk(in_place(element), level);
        if (walked.json.empty()) return nullptr;
        last = walked.json.data() + walked.json.size();
    }
    return past_bracket(last);
}

bool RecordReader::walk_escapes(std::string_view string) {
    if (has_valid_escapes(string)) return true;
    broken(string.data());
    return false;
}

// A number, `true`, `false` or `null`.
bool RecordReader::walk_scalar(std::string_view token) {
    if (is_short_number(token) || is_literal(token)) return true;
    const NumberCheck check = check_number(token);
    if (check == NumberCheck::out_of_range) refuse(Refusal::number_out_of_range);
    return check != NumberCheck::malformed;
}

// Keeps the first reason.
void RecordReader::refuse(Refusal refusal) {
    if (is_refused_) return;
    is_refused_ = true;
    refusal_ = refusal;
}

RecordReader::End RecordReader::broken(const char* at, Refusal refusal) {
    fault_ = refusal;
    fault_at_ = at;
    return nullptr;
}

}  // namespace sluice::parsers
