// Headers of the PROXY protocol, version 2, as a proxy writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/core/crc32c.hpp"

namespace sluice::tests {

inline std::string two_bytes(std::size_t number) {
    return {static_cast<char>(number >> 8 & 0xff), static_cast<char>(number & 0xff)};
}

inline std::string proxy_field(int type, std::string_view value) {
    return std::string(1, static_cast<char>(type)) + two_bytes(value.size()) + std::string(value);
}

// `block`: what follows the length.
inline std::string proxy_block(int command, int family, std::string_view block) {
    const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);
    return signature + static_cast<char>(command) + static_cast<char>(family) + two_bytes(block.size()) +
           std::string(block);
}

// The same with a CRC-32C as the last field.
inline std::string with_checksum(int command, int family, std::string_view block) {
    std::string header = proxy_block(command, family, std::string(block) + proxy_field(0x03, std::string(4, '\0')));
    const std::uint32_t sum = crc32c(header);
    header.resize(header.size() - 4);
    return header + two_bytes(sum >> 16) + two_bytes(sum & 0xffff);
}

}  // namespace sluice::tests
