// A number and what it counts, for sentences: "1 sample", "2 samples".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

// `one` in the plural has an s behind it.
[[nodiscard]] inline std::string counted(std::uint64_t count, std::string_view one) {
    return std::to_string(count).append(" ").append(one).append(count == 1 ? "" : "s");
}

}  // namespace sluice
