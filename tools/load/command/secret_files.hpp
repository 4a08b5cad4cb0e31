// --header-file and --tenants: headers and tokens that are secrets. A command line is seen by other users, in ps(1),
// and stands in reports; what such a file holds does not. Main thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tools/load/command/option_values.hpp"

namespace sluice::load {

using Headers = std::vector<std::pair<std::string, std::string>>;

// A line each: `Name: value`. Empty lines, and those that begin with #, are passed over. Values are no templates. The
// sentence of an error names the line and shows nothing of it.
[[nodiscard]] Result<Headers> read_header_file(const std::string& path);

// --tenants: a token each line, of visible characters of ASCII; the rest as above.
[[nodiscard]] Result<std::vector<std::string>> read_token_file(const std::string& path);

// A sentence, if users other than its owner and group can read the file; else empty.
[[nodiscard]] std::string warning_of_file(std::string_view option, const std::string& path);

}  // namespace sluice::load
