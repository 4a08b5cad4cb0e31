#include "parsers/otlp/json_message.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "engine/core/check.hpp"
#include "parsers/otlp/wide_numbers.hpp"

namespace sluice::parsers::otlp {
namespace {

using simdjson::dom::element;

// Deeper than any message: values within values end sooner (frames_count_max).
constexpr std::size_t json_levels_max = 512;
// What one step writes: some 50 µs.
constexpr int members_per_step_count = 1024;
// For how much of a text one step touches tables: some 30 pages.
constexpr std::size_t touched_per_step_bytes = 8 * limits::kib;
constexpr std::size_t page_bytes = 4 * limits::kib;
// The most that a byte of text takes: `[0,0` has an index and a word of the tape for each, `""` a length and an end.
constexpr std::size_t index_bytes = sizeof(std::uint32_t), tape_bytes = sizeof(std::uint64_t), string_bytes = 2;
constexpr std::size_t no_length = ~std::size_t{0};

constexpr std::uint32_t varint_type = 0, fixed64_type = 1, bytes_type = 2;

// Of a field refusal_number.
constexpr std::size_t refusal_bytes = 2;
static_assert(refusals_count <= 0x80 && refusal_number < 16);

// The whole of a text that is a number.
template <typename Number>
std::optional<Number> number_in(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// In two's complement, with its sign.
struct Integer {
    std::uint64_t bits = 0;
    bool is_negative = false;
};

Integer signed_integer(std::int64_t number) { return {static_cast<std::uint64_t>(number), number < 0}; }

// 2.0 is an integer, too (the JSON mapping of Protocol Buffers).
std::optional<Integer> integer_in(double number) {
    if (number != std::floor(number) || std::fabs(number) >= 0x1p63) return std::nullopt;
    return signed_integer(static_cast<std::int64_t>(number));
}

std::optional<Integer> integer_of(const element& value) {
    switch (value.type()) {
        case simdjson::dom::element_type::INT64: return signed_integer(std::int64_t(value));
        case simdjson::dom::element_type::UINT64: return Integer{std::uint64_t(value)};
        case simdjson::dom::element_type::DOUBLE: return integer_in(double(value));
        case simdjson::dom::element_type::STRING: break;
        default: return std::nullopt;
    }
    const std::string_view text = value;
    if (const auto number = number_in<std::int64_t>(text)) return signed_integer(*number);
    const auto number = number_in<std::uint64_t>(text);
    return number ? std::optional(Integer{*number}) : std::nullopt;
}

// Writes a byte of each page of the part that texts of `begin` to `end` bytes need.
void touch(void* table, std::size_t bytes_per_byte, std::size_t begin, std::size_t end) {
    auto* const bytes = static_cast<volatile char*>(table);
    for (std::size_t at = begin * bytes_per_byte; at < end * bytes_per_byte; at += page_bytes) bytes[at] = 0;
}

bool is_in_range(const Integer& number, FieldType type) {
    const bool fits_signed = number.is_negative || number.bits <= INT64_MAX;
    const auto value = static_cast<std::int64_t>(number.bits);
    switch (type) {
        case FieldType::varint:
        case FieldType::fixed64: return !number.is_negative;
        case FieldType::enumeration:
        case FieldType::zigzag: return fits_signed && value >= INT32_MIN && value <= INT32_MAX;
        default: return fits_signed;
    }
}

std::optional<double> real_of(const element& value) {
    double number = 0;
    if (value.get(number) == simdjson::SUCCESS) return number;
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return std::nullopt;
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return HUGE_VAL;
    if (text == "-Infinity") return -HUGE_VAL;
    const auto in_text = number_in<double>(text);  // which takes `nan` and `inf`
    return in_text && std::isfinite(*in_text) ? in_text : std::nullopt;
}

// RFC 4648 sections 4 and 5; padding may be missing. -1: no digit.
int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

}  // namespace

JsonMessage::JsonMessage() : narrow_text_(text_bytes_max + limits::body_padding_bytes), bytes_(message_bytes_max) {
    CHECK(parser_.allocate(text_bytes_max, json_levels_max) == simdjson::SUCCESS);
    // Else parse() makes the tables of its result anew for each text that is longer than all before.
    CHECK(parser_.doc.allocate(text_bytes_max) == simdjson::SUCCESS);
}

void JsonMessage::start(std::string_view text) {
    text_ = text;
    is_parsed_ = has_wide_numbers_ = false;
    bytes_count_ = 0;
    frames_count_ = 0;
}

JsonMessage::State JsonMessage::step() {
    if (!is_parsed_) return touch_tables() ? State::more : parse();
    if (has_wide_numbers_) return narrow();
    for (int i = 0; i < members_per_step_count && frames_count_ != 0; ++i)
        if (!write_next()) return State::refused;
    return frames_count_ == 0 ? State::whole : State::more;
}

// True: there is more to touch.
bool JsonMessage::touch_tables() {
    const bool is_long = text_.size() > limits::decode_window_bytes;  // a short one is left to the parser
    if (!is_long || text_.size() <= touched_bytes_ || text_.size() > text_bytes_max) return false;
    const std::size_t begin = touched_bytes_;
    touched_bytes_ = std::min(begin + touched_per_step_bytes, text_bytes_max);
    touch(parser_.implementation->structural_indexes.get(), index_bytes, begin, touched_bytes_);
    touch(parser_.doc.tape.get(), tape_bytes, begin, touched_bytes_);
    // 5/3 bytes for each byte of text are there.
    touch(parser_.doc.string_buf.get(), string_bytes, begin * 5 / 6, touched_bytes_ * 5 / 6);
    return text_.size() > touched_bytes_;
}

JsonMessage::State JsonMessage::parse() {
    is_parsed_ = true;
    if (text_.empty()) return State::whole;  // as an empty message
    refusal_ = text_.size() > text_bytes_max ? Refusal::body_too_large : Refusal::invalid_json;
    if (refusal_ == Refusal::body_too_large) return State::refused;
    element root;
    const auto error = parser_.parse(text_.data(), text_.size(), false).get(root);
    if (error == simdjson::UTF8_ERROR) refusal_ = Refusal::invalid_utf8;
    if (error == simdjson::DEPTH_ERROR) refusal_ = Refusal::json_too_deep;
    const bool is_number_refused = error == simdjson::BIGINT_ERROR || error == simdjson::NUMBER_ERROR;
    has_wide_numbers_ = is_number_refused && text_.data() != &narrow_text_[0];
    if (has_wide_numbers_) return State::more;
    if (error != simdjson::SUCCESS) return State::refused;
    return open_object(nullptr, request_shape(), root) ? State::more : State::refused;
}

// The next step parses it. At most once for a text.
JsonMessage::State JsonMessage::narrow() {
    const auto bytes_count = without_wide_numbers(text_, {&narrow_text_[0], text_bytes_max});
    if (!bytes_count) return State::refused;
    text_ = {&narrow_text_[0], *bytes_count};
    is_parsed_ = has_wide_numbers_ = false;
    return State::more;
}

bool JsonMessage::refuse(Refusal reason) {
    refusal_ = reason;
    return false;
}

// Something of `field`, of the innermost object or array, cannot be read: nothing of it stays, and the data points that
// it is of are refused.
bool JsonMessage::refuse_points(const FieldShape& field, Refusal reason) {
    if (field.type == FieldType::message && field.shape().blame != Blame::outer) return refuse(reason);
    while (frames_count_ != 0 && frames_[frames_count_ - 1].shape.blame == Blame::outer) --frames_count_;
    if (frames_count_ == 0) return refuse(reason);
    Frame& frame = frames_[frames_count_ - 1];
    const bool is_point = frame.shape.blame == Blame::point;
    bytes_count_ = is_point ? frame.length_at + length_bytes : frame.member_at;
    if (is_point) frame.member = frame.members_end;
    put_refusal(reason);
    return true;
}

void JsonMessage::put_refusal(Refusal reason) {
    put_tag(refusal_number, varint_type);
    put_varint(static_cast<std::uint64_t>(reason));
}

// --- walking -------------------------------------------------------------------------------------------------------

// A member of the innermost object, or an element of the innermost array; or its end.
bool JsonMessage::write_next() {
    // Room for a tag with a length or a number. A text is no longer in the message than it was.
    constexpr std::size_t room_bytes = 32;
    if (bytes_count_ + room_bytes > message_bytes_max) return refuse(Refusal::body_too_large);
    Frame& frame = frames_[frames_count_ - 1];
    if (frame.field != nullptr) {
        if (frame.element == frame.elements_end) {
            --frames_count_;
            return true;
        }
        const element value = *frame.element;
        ++frame.element;
        return write_field(*frame.field, value);
    }
    if (frame.member == frame.members_end) {
        close_frame();
        return true;
    }
    return write_member(frame);
}

bool JsonMessage::write_member(Frame& frame) {
    const std::string_view name = frame.member.key();
    const element value = frame.member.value();
    ++frame.member;
    frame.member_at = bytes_count_;
    const auto fields = frame.shape.fields;
    const auto field = std::ranges::find(fields, name, &FieldShape::name);
    if (field == fields.end()) return true;
    const std::uint32_t bit = std::uint32_t{1} << (field - fields.begin());
    if ((frame.seen_bits & bit) != 0) return refuse_points(*field, Refusal::duplicate_member);
    frame.seen_bits |= bit;
    if (value.is_null()) return true;
    if (!field->is_repeated) return write_field(*field, value);
    simdjson::dom::array array;
    if (value.get(array) != simdjson::SUCCESS) return refuse_points(*field, Refusal::wrong_json_type);
    return open_array(*field, array);
}

bool JsonMessage::open_object(const FieldShape* field, MessageShape shape, const element& value) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) {
        if (field == nullptr) return refuse(Refusal::wrong_json_type);
        if (shape.blame != Blame::point) return refuse_points(*field, Refusal::wrong_json_type);
        put_tag(field->number, bytes_type);
        put_varint(refusal_bytes);
        put_refusal(Refusal::wrong_json_type);
        return true;
    }
    if (frames_count_ == frames_.size())
        return field == nullptr ? refuse(Refusal::json_too_deep) : refuse_points(*field, Refusal::json_too_deep);
    Frame& frame = frames_[frames_count_++];
    frame = {.shape = shape,
             .field = nullptr,
             .member = object.begin(),
             .members_end = object.end(),
             .element = {},
             .elements_end = {},
             .length_at = no_length};
    if (field == nullptr) return true;
    put_tag(field->number, bytes_type);
    frame.length_at = bytes_count_;
    bytes_count_ += length_bytes;
    return true;
}

bool JsonMessage::open_array(const FieldShape& field, const simdjson::dom::array& array) {
    if (frames_count_ == frames_.size()) return refuse_points(field, Refusal::json_too_deep);
    frames_[frames_count_++] = {.shape = {},
                                .field = &field,
                                .member = {},
                                .members_end = {},
                                .element = array.begin(),
                                .elements_end = array.end(),
                                .length_at = no_length};
    return true;
}

void JsonMessage::close_frame() {
    const Frame& frame = frames_[--frames_count_];
    if (frame.length_at == no_length) return;
    std::size_t length = bytes_count_ - frame.length_at - length_bytes;
    for (std::size_t i = 0; i < length_bytes; ++i, length >>= 7)
        bytes_[frame.length_at + i] = static_cast<char>((length & 0x7f) | (i + 1 < length_bytes ? 0x80 : 0));
}

// --- writing -------------------------------------------------------------------------------------------------------

bool JsonMessage::write_field(const FieldShape& field, const element& value) {
    if (field.type == FieldType::message) return open_object(&field, field.shape(), value);
    return write_scalar(field, value);
}

bool JsonMessage::write_scalar(const FieldShape& field, const element& value) {
    switch (field.type) {
        case FieldType::text:
        case FieldType::bytes: return write_text(field, value);
        case FieldType::real: return write_real(field, value);
        case FieldType::boolean: {
            bool is_set = false;
            if (value.get(is_set) != simdjson::SUCCESS) return refuse_points(field, Refusal::wrong_json_type);
            put_tag(field.number, varint_type);
            put(is_set ? 1 : 0);
            return true;
        }
        case FieldType::varint:
        case FieldType::enumeration:
        case FieldType::sint64:
        case FieldType::zigzag:
        case FieldType::fixed64:
        case FieldType::sfixed64: return write_integer(field, value);
        case FieldType::message: break;
    }
    return refuse_points(field, Refusal::wrong_json_type);
}

bool JsonMessage::write_integer(const FieldShape& field, const element& value) {
    const auto number = integer_of(value);
    if (!number || !is_in_range(*number, field.type)) {
        const bool is_name = field.type == FieldType::enumeration && value.is_string();
        return refuse_points(field, is_name ? Refusal::enum_by_name : Refusal::wrong_json_type);
    }
    const bool is_fixed = field.type == FieldType::fixed64 || field.type == FieldType::sfixed64;
    const std::uint64_t bits = number->bits;
    put_tag(field.number, is_fixed ? fixed64_type : varint_type);
    if (is_fixed) put_fixed64(bits);
    else if (field.type != FieldType::zigzag) put_varint(bits);
    else put_varint(bits << 1 ^ static_cast<std::uint64_t>(static_cast<std::int64_t>(bits) >> 63));
    return true;
}

bool JsonMessage::write_real(const FieldShape& field, const element& value) {
    const auto number = real_of(value);
    if (!number) return refuse_points(field, Refusal::wrong_json_type);
    put_tag(field.number, fixed64_type);
    put_fixed64(std::bit_cast<std::uint64_t>(*number));
    return true;
}

bool JsonMessage::write_text(const FieldShape& field, const element& value) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return refuse_points(field, Refusal::wrong_json_type);
    put_tag(field.number, bytes_type);
    if (field.type == FieldType::text) {
        put_varint(text.size());
        std::memcpy(&bytes_[bytes_count_], text.data(), text.size());
        bytes_count_ += text.size();
        return true;
    }
    while (text.ends_with('=')) text.remove_suffix(1);
    if (text.size() % 4 == 1) return refuse_points(field, Refusal::wrong_json_type);
    put_varint(text.size() * 3 / 4);
    std::uint32_t bits = 0;
    int bits_count = 0;
    for (const char c : text) {
        const int digit = base64_digit(c);
        if (digit < 0) return refuse_points(field, Refusal::wrong_json_type);
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        bits_count += 6;
        if (bits_count < 8) continue;
        bits_count -= 8;
        put(static_cast<char>(bits >> bits_count));
    }
    return true;
}

void JsonMessage::put_varint(std::uint64_t value) {
    for (; value > 0x7f; value >>= 7) put(static_cast<char>((value & 0x7f) | 0x80));
    put(static_cast<char>(value));
}

void JsonMessage::put_tag(std::uint32_t number, std::uint32_t wire_type_number) {
    put_varint(std::uint64_t{number} << 3 | wire_type_number);
}

void JsonMessage::put_fixed64(std::uint64_t value) {
    std::memcpy(&bytes_[bytes_count_], &value, sizeof value);
    bytes_count_ += sizeof value;
}

}  // namespace sluice::parsers::otlp
