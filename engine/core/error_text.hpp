// The sentence that the C library has for an error number.
#pragma once

#include <string>
#include <system_error>

namespace sluice {

[[nodiscard]] inline std::string text_of(std::errc error) { return std::make_error_code(error).message(); }

}  // namespace sluice
