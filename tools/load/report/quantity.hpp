// Figures as text: three significant digits and a unit. Pure functions.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::load {

[[nodiscard]] std::string text_of_ns(double ns);           // 870 ns, 12.3 µs, 1.2 ms, 4 s, 2 min
[[nodiscard]] std::string text_of_seconds(double seconds);  // 0.5 s, 90 s, 12 min, 2 h
[[nodiscard]] std::string text_of_count(double count);      // 0.5, 950, 12.3k, 4M
[[nodiscard]] std::string text_of_bytes(double bytes);      // 950 B, 1.2 kB, 4 MB: powers of 1000
[[nodiscard]] std::string text_of_share(double share);      // 0.3 %, of 0 to 1
[[nodiscard]] std::string utc_text_of(std::int64_t unix_ms);  // 2026-09-21T14:13:20Z
[[nodiscard]] std::string grouped(std::uint64_t count);     // 12 345 678, with narrow spaces

}  // namespace sluice::load
