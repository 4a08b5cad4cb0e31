// MessageText: a short text, or a message of Protocol Buffers, made in place: an answer allocates nothing. What does
// not fit is cut off. The reactor's thread.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice {

class MessageText {
  public:
    MessageText& operator<<(std::string_view text) {
        bytes_count_ += text.copy(bytes_.data() + bytes_count_, bytes_.size() - bytes_count_);
        return *this;
    }
    MessageText& operator<<(std::uint64_t number) {
        std::array<char, 20> digits;  // of any 64-bit number
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
        return *this << std::string_view(digits.data(), static_cast<std::size_t>(end.ptr - digits.data()));
    }
    // Fields of Protocol Buffers.
    MessageText& varint_field(std::uint32_t number, std::uint64_t value) {
        varint(std::uint64_t{number} << 3);
        varint(value);
        return *this;
    }
    MessageText& text_field(std::uint32_t number, std::string_view text) {
        varint(std::uint64_t{number} << 3 | 2);
        varint(text.size());
        return *this << text;
    }
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_count_}; }

  private:
    void varint(std::uint64_t value) {
        for (; value > 0x7f; value >>= 7) *this << std::string_view(&(byte_ = static_cast<char>(value | 0x80)), 1);
        *this << std::string_view(&(byte_ = static_cast<char>(value)), 1);
    }

    std::array<char, 1024> bytes_;  // a sentence has a third of that
    std::size_t bytes_count_ = 0;
    char byte_ = 0;
};

}  // namespace sluice
