// Acknowledgement levels: what a 2xx promises. See README, "What a 2xx means".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

enum class AckLevel : std::uint8_t {
    queued,  // checked and in a bounded in-memory batch; survives nothing
    stored,  // Redis answered OK to every command of the request; survives the engine's crash
};

[[nodiscard]] constexpr std::string_view name_of(AckLevel level) {
    return level == AckLevel::queued ? "queued" : "stored";
}

[[nodiscard]] constexpr std::optional<AckLevel> ack_level_of(std::string_view name) {
    if (name == "queued") return AckLevel::queued;
    if (name == "stored") return AckLevel::stored;
    return std::nullopt;
}

}  // namespace sluice
