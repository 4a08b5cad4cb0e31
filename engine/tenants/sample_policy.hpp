// SamplePolicy: which samples a tenant may bring, beyond what the schema of all says. Values; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/refusal.hpp"
#include "engine/core/sample.hpp"

namespace sluice::tenants {

// Whether `text` is what `pattern` says: `*` stands for any text, also none; every other character for itself.
[[nodiscard]] bool matches_glob(std::string_view pattern, std::string_view text);

struct ValueRange {
    double min = 0;
    double max = 0;
    // Whether `json`, a value as JSON has it, is a number within. One that is too near to 0 for a double is 0.
    [[nodiscard]] bool has(std::string_view json) const;
};

struct SamplePolicy {
    std::vector<std::string> allow_types{};  // globs; empty: all types
    std::vector<std::string> deny_types{};   // globs; they win
    std::vector<std::string> required{};     // members that a sample must have
    // By type, or by name in `values`, without escapes: what stands there must be a number, and both ends may be.
    std::map<std::string, ValueRange, std::less<>> value_ranges{};
    std::uint64_t past_ns_max = 0;  // how far a time stamp may lie before the arrival; 0: no bound
    std::uint64_t future_ns_max = 0;  // and behind it

    [[nodiscard]] bool is_empty() const {
        return allow_types.empty() && deny_types.empty() && required.empty() && value_ranges.empty() &&
               past_ns_max == 0 && future_ns_max == 0;
    }
    // Why `sample` must be refused. `arrival_ns`: since 1970. Its time is in proportion to the policy and to `values`.
    [[nodiscard]] std::optional<Refusal> check(const Sample& sample, std::int64_t arrival_ns) const;

  private:
    [[nodiscard]] bool is_type_allowed(std::string_view type) const;
    [[nodiscard]] bool is_in_range(const Sample& sample) const;
    [[nodiscard]] const ValueRange* find_range(std::string_view name) const;  // null: it has none
    [[nodiscard]] bool are_values_in_range(const Sample& sample) const;
};

}  // namespace sluice::tenants
