// How much is logged and in which notation. A leaf header, so that configuration and log need not know each other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice {

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { logfmt, json };

// Indexed by the value of the enum.
inline constexpr std::array<std::string_view, 4> log_level_names{"debug", "info", "warn", "error"};
inline constexpr std::array<std::string_view, 2> log_format_names{"logfmt", "json"};

[[nodiscard]] constexpr std::string_view name_of(LogLevel level) {
    return log_level_names[static_cast<std::size_t>(level)];
}

}  // namespace sluice
