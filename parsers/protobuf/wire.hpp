// Protocol Buffers' wire format (protobuf.dev, "Encoding"): the fields of a message, one at a time, as views into it.
// Values. Any thread.
//
// Own code, because it is a loop over five cases. protozero, which does the same, throws for what is malformed: a
// stranger's body then costs an allocation and the unwinding of the stack.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::parsers {

// Groups (3 and 4), which proto3 does not have, are malformed.
enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct WireField {
    std::uint32_t number;
    WireType type;
    std::uint64_t value;  // of varint, fixed64 and fixed32; else 0
    std::string_view bytes;  // of bytes: a string, a message, or a packed list; else empty

    [[nodiscard]] bool is(std::uint32_t wanted_number, WireType wanted_type) const {
        return number == wanted_number && type == wanted_type;
    }
    [[nodiscard]] double real() const { return std::bit_cast<double>(value); }
    [[nodiscard]] std::int64_t integer() const { return static_cast<std::int64_t>(value); }
};

// Of sint32 and sint64.
[[nodiscard]] constexpr std::int64_t from_zigzag(std::uint64_t value) {
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

class WireReader {
  public:
    WireReader() = default;
    explicit WireReader(std::string_view message) : at_(message.data()), end_(message.data() + message.size()) {}

    // False: the message ends, or is malformed; the next call says the same.
    [[nodiscard]] bool next(WireField& field) {
        if (at_ == end_) return false;
        std::uint64_t tag;
        if (!varint<short_bits>(tag)) return false;
        field.number = static_cast<std::uint32_t>(tag) >> 3;
        if (field.number == 0) return malformed();
        field.type = static_cast<WireType>(tag & 7);
        field.value = 0;
        field.bytes = {};
        switch (field.type) {
            case WireType::varint: return varint(field.value);
            case WireType::fixed64: return fixed(field.value, sizeof(std::uint64_t));
            case WireType::fixed32: return fixed(field.value, sizeof(std::uint32_t));
            case WireType::bytes: return bytes(field.bytes);
        }
        return malformed();
    }
    // Of a packed list, or of messages behind lengths.
    [[nodiscard]] bool next_varint(std::uint64_t& value) { return at_ != end_ && varint(value); }
    [[nodiscard]] bool next_fixed64(std::uint64_t& value) { return at_ != end_ && fixed(value, sizeof value); }
    [[nodiscard]] bool next_bytes(std::string_view& text) { return at_ != end_ && bytes(text); }

    [[nodiscard]] bool is_malformed() const { return is_malformed_; }
    // Behind the last field.
    [[nodiscard]] const char* at() const { return at_; }

  private:
    bool malformed() {
        is_malformed_ = true;
        at_ = end_;
        return false;
    }
    // As the reference has it: a number has ten bytes at most, a tag and a length five; bits beyond 64, and beyond 32
    // of a tag, are cut off.
    static constexpr unsigned long_bits = 70, short_bits = 35;
    template <unsigned bits_max = long_bits>
    bool varint(std::uint64_t& value) {
        if (at_ == end_) return malformed();
        const auto first = static_cast<unsigned char>(*at_++);
        value = first & 0x7fU;
        if (first < 0x80) return true;
        for (unsigned shift_bits = 7; shift_bits < bits_max; shift_bits += 7) {
            if (at_ == end_) return malformed();
            const auto byte = static_cast<unsigned char>(*at_++);
            value |= std::uint64_t{byte & 0x7fU} << shift_bits;
            if (byte < 0x80) return true;
        }
        return malformed();
    }
    bool fixed(std::uint64_t& value, std::size_t bytes) {
        if (left() < bytes) return malformed();
        value = 0;
        std::memcpy(&value, at_, bytes);  // little endian, as this machine is
        at_ += bytes;
        return true;
    }
    bool bytes(std::string_view& text) {
        std::uint64_t length;
        if (!varint<short_bits>(length)) return false;
        if (length > left()) return malformed();
        text = {at_, static_cast<std::size_t>(length)};
        at_ += length;
        return true;
    }
    [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

    const char* at_ = nullptr;
    const char* end_ = nullptr;
    bool is_malformed_ = false;
};
static_assert(std::endian::native == std::endian::little);

}  // namespace sluice::parsers
