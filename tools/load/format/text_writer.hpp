// TextWriter: a text of bounded length, written piece by piece. Allocates only when it is made. One thread's.
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <string_view>
#include <vector>

#include "engine/core/check.hpp"

namespace sluice::load {

class TextWriter {
  public:
    explicit TextWriter(std::size_t bytes_max) : bytes_(bytes_max) {}

    void clear() { bytes_count_ = 0; }
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_count_}; }
    [[nodiscard]] std::size_t bytes_max() const { return bytes_.size(); }

    TextWriter& operator<<(std::string_view text) {
        CHECK(text.size() <= bytes_.size() - bytes_count_);
        std::ranges::copy(text, bytes_.data() + bytes_count_);
        bytes_count_ += text.size();
        return *this;
    }
    // A real has as many digits as tell it from others.
    template <typename Number>
        requires std::integral<Number> || std::floating_point<Number>
    TextWriter& operator<<(Number number) {
        const auto [end, error] = std::to_chars(bytes_.data() + bytes_count_, bytes_.data() + bytes_.size(), number);
        CHECK(error == std::errc{});
        bytes_count_ = static_cast<std::size_t>(end - bytes_.data());
        return *this;
    }

  private:
    std::vector<char> bytes_;
    std::size_t bytes_count_ = 0;
};

// A decimal number as text, without a place of its own.
class Digits {
  public:
    explicit Digits(std::uint64_t number)
        : count_(static_cast<std::size_t>(std::to_chars(digits_, digits_ + sizeof digits_, number).ptr - digits_)) {}
    [[nodiscard]] std::string_view view() const { return {digits_, count_}; }

  private:
    char digits_[20] = {};  // of any 64-bit number
    std::size_t count_;
};

}  // namespace sluice::load
