// Messages of Protocol Buffers, written by hand: a field after another. For tests and benchmarks.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::tests {

class Message {
  public:
    Message& varint(std::uint32_t number, std::uint64_t value) {
        put(std::uint64_t{number} << 3);
        return put(value);
    }
    Message& zigzag(std::uint32_t number, std::int64_t value) { return varint(number, zigzagged(value)); }
    Message& fixed64(std::uint32_t number, std::uint64_t value) {
        put(std::uint64_t{number} << 3 | 1);
        return put_fixed64(value);
    }
    Message& real(std::uint32_t number, double value) { return fixed64(number, std::bit_cast<std::uint64_t>(value)); }
    Message& bytes(std::uint32_t number, std::string_view text) {
        put(std::uint64_t{number} << 3 | 2);
        put(text.size());
        text_ += text;
        return *this;
    }
    Message& message(std::uint32_t number, const Message& inner) { return bytes(number, inner.text()); }
    Message& append(const Message& fields) {
        text_ += fields.text();
        return *this;
    }

    // Without a field around it, for packed lists.
    Message& put(std::uint64_t value) {
        for (; value > 0x7f; value >>= 7) text_ += static_cast<char>((value & 0x7f) | 0x80);
        text_ += static_cast<char>(value);
        return *this;
    }
    Message& put_fixed64(std::uint64_t value) {
        for (int i = 0; i < 8; ++i) text_ += static_cast<char>(value >> (8 * i));
        return *this;
    }
    Message& put_real(double value) { return put_fixed64(std::bit_cast<std::uint64_t>(value)); }

    [[nodiscard]] static std::uint64_t zigzagged(std::int64_t value) {
        return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
    }
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    std::string text_;
};

}  // namespace sluice::tests
