// Which of the 16384 slots of a Redis Cluster a key belongs to (Redis Cluster specification, "Key distribution model").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::sinks::redis {

inline constexpr std::uint32_t slots_count = 16384;

namespace detail {

// CRC16, XMODEM: polynomial 0x1021, nothing reflected, begins with 0 (Redis Cluster specification, appendix A).
constexpr std::array<std::uint16_t, 256> crc16_table() {
    std::array<std::uint16_t, 256> table{};
    for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
        std::uint32_t remainder = byte << 8;
        for (int bit = 0; bit < 8; ++bit)
            remainder = (remainder & 0x8000) != 0 ? remainder << 1 ^ 0x1021 : remainder << 1;
        table[byte] = static_cast<std::uint16_t>(remainder);
    }
    return table;
}
inline constexpr std::array<std::uint16_t, 256> crc16_of_byte = crc16_table();

}  // namespace detail

[[nodiscard]] constexpr std::uint16_t crc16(std::string_view text) {
    std::uint16_t crc = 0;
    for (const char c : text) {
        const auto index = static_cast<std::uint8_t>(crc >> 8 ^ static_cast<unsigned char>(c));
        crc = static_cast<std::uint16_t>(crc << 8 ^ detail::crc16_of_byte[index]);
    }
    return crc;
}

// The part of the key that decides: what stands between the first { and the next }, if that is anything; else all of
// it.
[[nodiscard]] constexpr std::string_view hash_tag(std::string_view key) {
    const std::size_t open = key.find('{');
    if (open == std::string_view::npos) return key;
    const std::size_t close = key.find('}', open + 1);
    if (close == std::string_view::npos || close == open + 1) return key;
    return key.substr(open + 1, close - open - 1);
}

[[nodiscard]] constexpr std::uint16_t slot_of(std::string_view key) {
    return static_cast<std::uint16_t>(crc16(hash_tag(key)) % slots_count);
}

}  // namespace sluice::sinks::redis
