// What reads the members of a table of the tenants' file: checks of type and range that all of them need, and the
// sentences about what is wrong. Start and reload; values.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "engine/config/toml_file.hpp"

namespace sluice::tenants {

using config::FileSetting;

// The line, and the rest of a sentence.
struct Fault {
    std::uint32_t line = 0;
    std::string what;
};
using Status = std::expected<void, Fault>;

// `<name> is <found>; allowed is <allowed>`. `found`: the text of a string in quotes, a number, or the type's name.
[[nodiscard]] std::unexpected<Fault> fault(const FileSetting& setting, std::string_view allowed);
// The same of what may be a secret: the value is not shown.
[[nodiscard]] std::unexpected<Fault> hidden_fault(const FileSetting& setting, std::string_view allowed);

[[nodiscard]] bool is_string(const FileSetting& setting);
[[nodiscard]] bool is_table(const FileSetting& setting);
[[nodiscard]] bool is_array(const FileSetting& setting);

}  // namespace sluice::tenants
