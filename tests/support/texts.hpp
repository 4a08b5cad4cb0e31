// Texts that several tests send or decode. Values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::tests {

inline constexpr std::string_view reference_sample =
    R"({"device_id":"sensor-17","type":"temperature","value":27.30,"unit":"celsius","priority":"MEDIUM",)"
    R"("timestamp":"2025-12-29T17:03:57.123Z","metadata":{"location":"zone-3","firmware_version":"2.3.1"}})";

[[nodiscard]] inline std::string repeated(std::string_view text, std::size_t count) {
    std::string result;
    result.reserve(text.size() * count);
    for (std::size_t i = 0; i < count; ++i) result += text;
    return result;
}

// A complete sample with `members` added.
[[nodiscard]] inline std::string sample_with(std::string_view members) {
    return R"({"device_id":"d","type":"t","value":1)" + std::string(members.empty() ? "" : ",") + std::string(members) +
           "}";
}

}  // namespace sluice::tests
