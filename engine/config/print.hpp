// All keys with unit, default, bounds and help: `sluice print-config` and the table of docs/configuration.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/config/load.hpp"

namespace sluice::config {

enum class PrintFormat : std::uint8_t {
    toml,      // a commented file that holds the defaults and can be loaded
    markdown,  // a table
    json,      // an array of objects
};

[[nodiscard]] std::optional<PrintFormat> print_format_of(std::string_view name);

// Ends with a line feed.
[[nodiscard]] std::string print_config(PrintFormat format);

// What counts, and where each value is from. `toml` can be loaded, but for secrets. Ends with a line feed.
[[nodiscard]] std::string print_effective(PrintFormat format, const Inspection& inspection);

}  // namespace sluice::config
