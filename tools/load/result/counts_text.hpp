// Counts as words of a line. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/load/result/results.hpp"

namespace sluice::load {

// `200: 1234  503: 2`, and `timeout: 3  bad_status: 2`: without those that did not occur; empty if none did. In the
// order of the numbers; interim responses (1xx) are among the statuses.
[[nodiscard]] std::string acks_text(const Counts& counts, std::string_view separator = "  ");
[[nodiscard]] std::string statuses_text(const Counts& counts, std::string_view separator = "  ");
[[nodiscard]] std::string faults_text(const Counts& counts, std::string_view separator = "  ");

// `1 run`, `2 runs`; with `plural` where that is more than an s: `1 entry`, `2 entries`.
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view noun, std::string_view plural = {});

}  // namespace sluice::load
