// JsonWriter: renders JSON text into memory of a fixed size, for formats whose samples are not JSON. Allocates nothing;
// what does not fit is left out, and told. The thread of its decoder.
//
// The text of a string comes as bytes of valid UTF-8 (checked by the caller).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"
#include "parsers/utf8.hpp"

namespace sluice::parsers {

struct ShortDecimal;

class JsonWriter {
  public:
    explicit JsonWriter(std::size_t bytes_max)
        : text_(std::make_unique_for_overwrite<char[]>(bytes_max + limits::body_padding_bytes)),
          bytes_max_(bytes_max) {}

    void clear() {
        bytes_ = 0;
        is_full_ = false;
    }
    // As it is.
    void raw(std::string_view text) {
        if (text.empty() || !has_room(text.size())) return;  // memcpy takes no null, not even for nothing
        std::memcpy(text_.get() + bytes_, text.data(), text.size());
        bytes_ += text.size();
    }
    void raw(char c) {
        if (has_room(1)) text_[bytes_++] = c;
    }
    void number(std::int64_t value);
    void natural(std::uint64_t value);
    // Shortest text that reads as `value`, with a point or an exponent. What JSON has no number for becomes a string:
    // "NaN", "Infinity", "-Infinity", as in the JSON of Protocol Buffers.
    void real(double value);
    // The inside of a string: quotes, backslashes and control characters are escaped (RFC 8259 section 7).
    void inside(std::string_view text);
    void inside(char c);
    void string(std::string_view text) {
        if (!needs_no_escape(text)) return escaped_string(text);
        if (!has_room(text.size() + 2)) return;
        char* const to = text_.get() + bytes_;
        to[0] = '"';
        if (!text.empty()) std::memcpy(to + 1, text.data(), text.size());
        to[text.size() + 1] = '"';
        bytes_ += text.size() + 2;
    }
    // `,"name":"value"`, with `before` in place of the comma; both are_plain_json().
    void plain_member(char before, std::string_view name, std::string_view value) {
        constexpr std::size_t punctuation_bytes = 6;
        if (!has_room(name.size() + value.size() + punctuation_bytes)) return;
        char* to = text_.get() + bytes_;
        *to++ = before;
        *to++ = '"';
        to = copy(name, to);
        to = copy("\":\"", to);
        to = copy(value, to);
        *to++ = '"';
        bytes_ = static_cast<std::size_t>(to - text_.get());
    }
    // Takes back what was written behind the first `bytes`, also where it did not fit.
    void cut(std::size_t bytes) {
        CHECK(bytes <= bytes_);
        bytes_ = bytes;
        is_full_ = false;
    }
    // Takes back the last byte, which was written.
    void unwrite() {
        CHECK(bytes_ != 0);
        --bytes_;
    }

    // Padded as a body is.
    [[nodiscard]] std::string_view view() const { return {text_.get(), bytes_}; }
    // Valid until clear(), as view() is.
    [[nodiscard]] std::string_view since(std::size_t begin) const { return view().substr(begin); }
    [[nodiscard]] std::size_t size() const { return bytes_; }
    // Something did not fit: the text is of no use.
    [[nodiscard]] bool is_full() const { return is_full_; }

  private:
    void escaped_string(std::string_view text);
    void with_point(const ShortDecimal& decimal);
    static char* copy(std::string_view text, char* to) {
        if (!text.empty()) std::memcpy(to, text.data(), text.size());  // memcpy takes no null
        return to + text.size();
    }
    template <typename Number>
    void any_number(Number value);
    [[nodiscard]] bool has_room(std::size_t bytes) {
        if (bytes <= bytes_max_ - bytes_ && !is_full_) return true;
        is_full_ = true;
        return false;
    }

    std::unique_ptr<char[]> text_;
    std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    bool is_full_ = false;
};

}  // namespace sluice::parsers
