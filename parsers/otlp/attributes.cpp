#include "parsers/otlp/attributes.hpp"

#include <algorithm>

#include "parsers/protobuf/wire.hpp"
#include "parsers/utf8.hpp"

namespace sluice::parsers::otlp {
namespace {

using Fault = std::optional<Refusal>;

// Of KeyValue, of AnyValue, of ArrayValue and KeyValueList.
constexpr std::uint32_t key_number = 1, value_number = 2;
constexpr std::uint32_t string_number = 1, bool_number = 2, int_number = 3, double_number = 4, array_number = 5,
                        kvlist_number = 6, bytes_number = 7;
constexpr std::uint32_t element_number = 1;

// The sample is level 1, `metadata` and `otlp` are level 2, a resource in `otlp` is level 3.
constexpr std::size_t levels_above_attributes = 3;

struct KeyValue {
    std::string_view key;
    std::string_view value;  // AnyValue; empty: null
};

bool read_key_value(std::string_view message, KeyValue& out) {
    out = {};
    WireReader reader(message);
    WireField field;
    while (reader.next(field)) {
        if (field.is(key_number, WireType::bytes)) out.key = field.bytes;
        if (field.is(value_number, WireType::bytes)) out.value = field.bytes;
    }
    return !reader.is_malformed();
}

// A field of another type is an unknown one.
bool is_value(const WireField& field) {
    switch (field.number) {
        case bool_number:
        case int_number: return field.type == WireType::varint;
        case double_number: return field.type == WireType::fixed64;
        case string_number:
        case array_number:
        case kvlist_number:
        case bytes_number: return field.type == WireType::bytes;
        default: return false;
    }
}

// The last member of the oneof that came, which is the one that counts; number 0: none.
bool read_any(std::string_view message, WireField& out) {
    out = {};
    WireReader reader(message);
    WireField field;
    while (reader.next(field))
        if (is_value(field)) out = field;
    return !reader.is_malformed();
}

Fault write_text(std::string_view text, JsonWriter& out) {
    if (!is_text(text)) return Refusal::bad_attribute;
    out.string(text);
    return std::nullopt;
}

// RFC 4648 section 4, as the JSON of Protocol Buffers has it.
void write_base64(std::string_view bytes, JsonWriter& out) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.raw('"');
    for (std::size_t at = 0; at < bytes.size() && !out.is_full(); at += 3) {
        const std::size_t here = std::min<std::size_t>(3, bytes.size() - at);
        std::uint32_t word = 0;
        for (std::size_t i = 0; i < 3; ++i)
            word = word << 8 | (i < here ? static_cast<unsigned char>(bytes[at + i]) : 0U);
        for (std::size_t i = 0; i < 4; ++i) out.raw(i <= here ? digits[word >> (18 - 6 * i) & 63] : '=');
    }
    out.raw('"');
}

Fault write_any(std::string_view message, std::size_t levels_count, JsonWriter& out);

Fault write_array(std::string_view message, std::size_t levels_count, JsonWriter& out) {
    if (levels_count == limits::json_depth_max) return Refusal::json_too_deep;
    out.raw('[');
    bool is_first = true;
    WireReader reader(message);
    WireField field;
    while (reader.next(field) && !out.is_full()) {
        if (!field.is(element_number, WireType::bytes)) continue;
        if (!is_first) out.raw(',');
        is_first = false;
        if (const Fault fault = write_any(field.bytes, levels_count + 1, out)) return fault;
    }
    out.raw(']');
    return reader.is_malformed() ? Fault(Refusal::invalid_protobuf) : std::nullopt;
}

Fault write_object(std::string_view message, std::size_t levels_count, JsonWriter& out) {
    if (levels_count == limits::json_depth_max) return Refusal::json_too_deep;
    KeyList keys;
    out.raw('{');
    WireReader reader(message);
    WireField field;
    while (reader.next(field) && !out.is_full()) {
        if (!field.is(element_number, WireType::bytes)) continue;
        KeyValue pair;
        if (!read_key_value(field.bytes, pair)) return Refusal::invalid_protobuf;
        if (!keys.is_empty()) out.raw(',');
        if (const Fault fault = keys.add(pair.key)) return fault;
        if (const Fault fault = write_text(pair.key, out)) return fault;
        out.raw(':');
        if (const Fault fault = write_any(pair.value, levels_count + 1, out)) return fault;
    }
    out.raw('}');
    return reader.is_malformed() ? Fault(Refusal::invalid_protobuf) : std::nullopt;
}

// Recursive: an array or an object is a level of the JSON, of which there are limits::json_depth_max.
Fault write_any(std::string_view message, std::size_t levels_count, JsonWriter& out) {
    WireField field;
    if (!read_any(message, field)) return Refusal::invalid_protobuf;
    switch (field.number) {
        case string_number: return write_text(field.bytes, out);
        case array_number: return write_array(field.bytes, levels_count, out);
        case kvlist_number: return write_object(field.bytes, levels_count, out);
        case bytes_number: write_base64(field.bytes, out); return std::nullopt;
        case bool_number: out.raw(field.value != 0 ? "true" : "false"); return std::nullopt;
        case int_number: out.number(field.integer()); return std::nullopt;
        case double_number: out.real(field.real()); return std::nullopt;
        default: out.raw("null"); return std::nullopt;
    }
}

std::uint64_t size_bit(std::string_view name) { return std::uint64_t{1} << name.size() % 64; }

}  // namespace

std::optional<Refusal> KeyList::add(std::string_view name) {
    if (keys_count_ == keys_.size()) return Refusal::too_many_members;
    const auto end = keys_.begin() + static_cast<std::ptrdiff_t>(keys_count_);
    if (std::find(keys_.begin(), end, name) != end) return Refusal::duplicate_member;
    keys_[keys_count_++] = name;
    return std::nullopt;
}

AttributeObject::AttributeObject(JsonWriter& out, std::span<const std::string> device_attributes)
    : out_(out), device_attributes_(device_attributes) {
    for (const std::string& name : device_attributes) device_sizes_mask_ |= size_bit(name);
}

// Nearly all are strings that stand in JSON as they are.
std::optional<Refusal> AttributeObject::add(std::string_view key_value, DeviceNames& devices) {
    KeyValue pair;
    if (!read_key_value(key_value, pair)) return Refusal::invalid_protobuf;
    const char before = keys_.is_empty() ? '{' : ',';
    if (const Fault fault = keys_.add(pair.key)) return fault;
    WireField value;
    if (read_any(pair.value, value) && value.number == string_number) {
        keep_device(pair.key, value.bytes, devices);
        if (is_plain_json(pair.key) && is_plain_json(value.bytes)) {
            out_.plain_member(before, pair.key, value.bytes);
            return std::nullopt;
        }
    }
    out_.raw(before);
    if (const Fault fault = write_text(pair.key, out_)) return fault;
    out_.raw(':');
    return write_any(pair.value, levels_above_attributes, out_);
}

void AttributeObject::keep_device(std::string_view key, std::string_view value, DeviceNames& devices) const {
    if ((device_sizes_mask_ & size_bit(key)) == 0) return;
    const auto name = std::ranges::find(device_attributes_, key);
    if (name != device_attributes_.end())
        devices.values[static_cast<std::size_t>(name - device_attributes_.begin())] = value;
}

void AttributeObject::close() {
    if (!keys_.is_empty()) out_.raw('}');
}

}  // namespace sluice::parsers::otlp
