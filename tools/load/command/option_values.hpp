// Parses the values of options: numbers within bounds, shares, think times, lists. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/content_coding.hpp"
#include "engine/core/escape.hpp"
#include "tools/load/format/body_format.hpp"
#include "tools/load/plan/run_plan.hpp"
#include "tools/load/plan/units.hpp"

namespace sluice::load {

template <typename T>
using Result = std::expected<T, PlanError>;

inline std::unexpected<PlanError> wrong(std::string sentence) {
    return std::unexpected(PlanError{std::move(sentence)});
}

// Parses `text` into `value` unless it is empty; the sentence of an error begins with the option's name.
// `value` may be of a narrower type than what `parse` returns: the bounds of the parser make it fit.
template <typename Parse, typename T>
Result<void> read(std::string_view option, const std::string& text, Parse parse, T& value) {
    if (text.empty()) return {};
    auto parsed = parse(text);
    if (!parsed) return wrong(std::string(option) + ": " + parsed.error().sentence);
    value = static_cast<T>(*parsed);
    return {};
}

// A parser of a count of `min` to `max`.
inline auto count_within(std::uint64_t min, std::uint64_t max) {
    return [=](std::string_view text) -> Result<std::uint64_t> {
        auto count = parse_count(text);
        if (count && (*count < min || *count > max))
            return wrong(quoted(text, 64) + " is not within " + std::to_string(min) + " and " + std::to_string(max));
        return count;
    };
}

[[nodiscard]] Result<double> parse_share(std::string_view text);            // 95% or 0.95
[[nodiscard]] Result<double> parse_seconds(std::string_view text);          // a duration
[[nodiscard]] Result<double> parse_positive_rate(std::string_view text);    // at most 100M/s
[[nodiscard]] Result<ThinkTime> parse_think(std::string_view text);         // 0.5s or 1s-3s
[[nodiscard]] Result<ArrivalKind> parse_arrivals(std::string_view text);    // constant or poisson
[[nodiscard]] Result<std::vector<unsigned>> parse_core_list(std::string_view text);
[[nodiscard]] Result<std::vector<std::uint16_t>> parse_statuses(std::string_view text);  // 200,204
[[nodiscard]] Result<BodyFormat> parse_body_format(std::string_view text);
[[nodiscard]] Result<ContentCoding> parse_coding(std::string_view text);
// A field name is a token (RFC 9110, 5.1 and 5.6.2); a value has no control character but the tab (5.5).
[[nodiscard]] bool is_header_name(std::string_view text);
[[nodiscard]] bool is_header_value(std::string_view text);
[[nodiscard]] bool is_method(std::string_view text);  // capitals; may be empty
// A header that sluice-load writes itself. Names are compared without regard to case (RFC 9110 section 5.1).
[[nodiscard]] bool is_own_header(std::string_view name);
[[nodiscard]] bool is_same_header(std::string_view name, std::string_view lower_name);
// All of a file of `bytes_max` at most, a whole number of MiB; a pipe is read to its end. An error goes behind the
// name.
[[nodiscard]] std::expected<std::string, std::string> read_bounded(const std::string& path, std::size_t bytes_max);
// The whole file, a final line feed included, of at most what an engine can take.
[[nodiscard]] Result<std::string> read_body_file(const std::string& path);
// A URL of --redis; a password in it is not shown.
[[nodiscard]] Result<void> check_redis_url(std::string_view text);
// The parts between commas; none may be empty.
[[nodiscard]] Result<std::vector<std::string>> split_list(std::string_view text);

}  // namespace sluice::load
