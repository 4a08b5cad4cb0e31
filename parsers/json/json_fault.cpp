#include "parsers/json/json_fault.hpp"

#include <algorithm>

#include "engine/core/check.hpp"
#include "parsers/json/json_text.hpp"

namespace sluice::parsers {
namespace {

constexpr std::size_t levels_count_max = 64;

// Walks a text token by token. Every take_…() returns false at a fault, and leaves `at_` there.
class FaultFinder {
  public:
    FaultFinder(std::string_view text, std::size_t levels_max) : text_(text), levels_max_(levels_max) {}

    JsonFault find() {
        while (!is_whole_) {  // ends: each turn takes a token
            if (!take_token()) return {is_too_deep_ ? JsonFault::Kind::too_deep : JsonFault::Kind::syntax, at_};
        }
        skip_space();
        if (is_at_end()) return {JsonFault::Kind::none, at_};
        const bool is_bracket = text_[at_] == '{' || text_[at_] == '[';
        return {is_bracket ? JsonFault::Kind::second_value : JsonFault::Kind::syntax, at_};
    }

  private:
    enum class Expected : std::uint8_t { value, value_or_end, name, name_or_end, colon, comma_or_end };

    [[nodiscard]] bool is_at_end() const { return at_ == text_.size(); }
    [[nodiscard]] bool is_in_object() const { return (object_bits_ & 1) != 0; }
    void skip_space() {
        while (!is_at_end() && is_json_space(text_[at_])) ++at_;
    }
    bool take(char c) {
        if (is_at_end() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    bool take_token() {
        skip_space();
        if (is_at_end()) return false;
        switch (expected_) {
            case Expected::value: return take_value();
            case Expected::value_or_end: return text_[at_] == ']' ? close() : take_value();
            case Expected::name: return take_name();
            case Expected::name_or_end: return text_[at_] == '}' ? close() : take_name();
            case Expected::colon: expected_ = Expected::value; return take(':');
            case Expected::comma_or_end: return take_comma_or_end();
        }
        return false;
    }

    bool take_name() {
        expected_ = Expected::colon;
        return text_[at_] == '"' && take_string();
    }

    bool take_comma_or_end() {
        if (text_[at_] == (is_in_object() ? '}' : ']')) return close();
        expected_ = is_in_object() ? Expected::name : Expected::value;
        return take(',');
    }

    bool take_value() {
        const char first = text_[at_];
        if (first == '{' || first == '[') return open(first == '{');
        if (first == '"') return take_string() && end_value();
        if (first == '-' || is_digit(first)) return take_number() && end_value();
        for (const std::string_view word : {"true", "false", "null"})
            if (word.front() == first) return take_word(word) && end_value();
        return false;
    }

    bool open(bool is_object) {
        is_too_deep_ = levels_count_ == levels_max_;
        if (is_too_deep_) return false;
        ++at_;
        ++levels_count_;
        object_bits_ = object_bits_ << 1 | (is_object ? 1u : 0u);
        expected_ = is_object ? Expected::name_or_end : Expected::value_or_end;
        return true;
    }

    bool close() {
        ++at_;
        --levels_count_;
        object_bits_ >>= 1;
        return end_value();
    }

    bool end_value() {
        is_whole_ = levels_count_ == 0;
        expected_ = Expected::comma_or_end;
        return true;
    }

    bool take_word(std::string_view word) {
        return std::ranges::all_of(word, [this](char c) { return take(c); });
    }

    bool take_digits() {
        const std::size_t begin = at_;
        while (!is_at_end() && is_digit(text_[at_])) ++at_;
        return at_ != begin;
    }

    bool take_number() {
        static_cast<void>(take('-'));
        if (!take('0') && !take_digits()) return false;
        if (take('.') && !take_digits()) return false;
        if (!take('e') && !take('E')) return true;
        if (!take('+')) static_cast<void>(take('-'));
        return take_digits();
    }

    bool take_string() {
        ++at_;
        while (!is_at_end() && text_[at_] != '"') {
            if (static_cast<unsigned char>(text_[at_]) < 0x20) return false;
            if (text_[at_] != '\\') ++at_;
            else if (!take_escape()) return false;
        }
        return take('"');
    }

    // U+0000 to U+FFFF of four digits, or -1.
    int take_unit() {
        int unit = 0;
        for (int i = 0; i < 4; ++i) {
            constexpr std::string_view digits = "0123456789abcdef0123456789ABCDEF";
            const std::size_t digit = is_at_end() ? digits.npos : digits.find(text_[at_]);
            if (digit == digits.npos) return -1;
            unit = unit * 16 + static_cast<int>(digit % 16);
            ++at_;
        }
        return unit;
    }

    bool take_escape() {
        const std::size_t begin = at_++;
        if (is_at_end()) return false;
        constexpr std::string_view simple = "\"\\/bfnrt";
        if (simple.find(text_[at_]) != simple.npos) return take(text_[at_]);
        if (!take('u')) return false;
        const int unit = take_unit();
        if (unit < 0) return false;
        if (unit < 0xD800 || unit >= 0xE000) return true;
        if (unit < 0xDC00) return take_second_half();
        at_ = begin;
        return false;
    }

    // Of a surrogate pair.
    bool take_second_half() {
        const std::size_t begin = at_;
        if (!take('\\') || !take('u')) return false;
        const int unit = take_unit();
        if (unit < 0) return false;
        if (unit >= 0xDC00 && unit < 0xE000) return true;
        at_ = begin;
        return false;
    }

    const std::string_view text_;
    const std::size_t levels_max_;
    std::size_t at_ = 0;
    Expected expected_ = Expected::value;
    std::uint64_t object_bits_ = 0;  // of the brackets that are open, the innermost lowest: 1 for an object
    std::size_t levels_count_ = 0;
    bool is_whole_ = false;
    bool is_too_deep_ = false;
};

}  // namespace

JsonFault find_json_fault(std::string_view text, std::size_t levels_max) {
    CHECK(levels_max <= levels_count_max);
    return FaultFinder(text, levels_max).find();
}

}  // namespace sluice::parsers
