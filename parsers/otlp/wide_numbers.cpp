#include "parsers/otlp/wide_numbers.hpp"

#include <charconv>
#include <cstdint>
#include <system_error>

namespace sluice::parsers::otlp {
namespace {

// Shorter ones fit 64 bits, and a double.
constexpr std::size_t narrow_bytes_max = 4;
constexpr std::size_t narrow_digits_max = 18;

bool is_of_number(char c) { return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'; }

template <typename Number>
std::errc fault_of(std::string_view token) {
    Number number{};
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
    return end == token.data() + token.size() ? error : std::errc::invalid_argument;
}

// One that is too small for a double is out of range, too; the parser takes it for 0.
bool is_beyond_double(std::string_view token) {
    return fault_of<double>(token) == std::errc::result_out_of_range && !token.contains("e-") && !token.contains("E-");
}

std::string_view suffix_of_integer(std::string_view token) {
    if (token.size() <= narrow_digits_max) return {};
    const bool is_wide = fault_of<std::int64_t>(token) == std::errc::result_out_of_range &&
                         fault_of<std::uint64_t>(token) != std::errc{};
    return is_wide ? "e0" : "";
}

// A text that grows in memory of a fixed size.
class Output {
  public:
    explicit Output(std::span<char> room) : room_(room) {}
    void add(std::string_view text) {
        is_full_ = is_full_ || text.size() > room_.size() - bytes_count_;
        if (is_full_) return;
        text.copy(room_.data() + bytes_count_, text.size());
        bytes_count_ += text.size();
    }
    void add_number(std::string_view token) {
        if (token.size() > narrow_bytes_max && is_beyond_double(token)) return add("[]");
        add(token);
        if (token.find_first_of(".eE") == token.npos) add(suffix_of_integer(token));
    }
    [[nodiscard]] std::optional<std::size_t> bytes_count() const {
        return is_full_ ? std::nullopt : std::optional(bytes_count_);
    }

  private:
    std::span<char> room_;
    std::size_t bytes_count_ = 0;
    bool is_full_ = false;
};

// Behind the string that begins at `at`, or the end.
std::size_t behind_string(std::string_view json, std::size_t at) {
    for (++at; at < json.size() && json[at] != '"'; ++at)
        if (json[at] == '\\') ++at;
    return at < json.size() ? at + 1 : json.size();
}

}  // namespace

std::optional<std::size_t> without_wide_numbers(std::string_view json, std::span<char> out) {
    Output output(out);
    for (std::size_t at = 0; at < json.size();) {
        std::size_t end = at + 1;
        if (json[at] == '"') {
            end = behind_string(json, at);
            output.add(json.substr(at, end - at));
        } else if (json[at] == '-' || (json[at] >= '0' && json[at] <= '9')) {
            while (end < json.size() && is_of_number(json[end])) ++end;
            output.add_number(json.substr(at, end - at));
        } else {
            output.add(json.substr(at, 1));
        }
        at = end;
    }
    return output.bytes_count();
}

}  // namespace sluice::parsers::otlp
