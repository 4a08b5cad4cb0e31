#include "engine/core/crc32c.hpp"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace sluice {
namespace {

constexpr std::uint32_t polynomial = 0x82F63B78u;  // 0x1EDC6F41 with its bits reversed

using Table = std::array<std::uint32_t, 256>;

// tables[k][b]: what byte `b` contributes when k more bytes follow it ("slicing by 8", Intel 2006).
constexpr std::array<Table, 8> tables = [] {
    std::array<Table, 8> made{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? polynomial : 0u);
        made[0][byte] = crc;
    }
    for (std::size_t k = 1; k < made.size(); ++k)
        for (std::size_t byte = 0; byte < 256; ++byte)
            made[k][byte] = (made[k - 1][byte] >> 8) ^ made[0][made[k - 1][byte] & 0xFFu];
    return made;
}();

std::uint64_t load_word(const char* from) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return word;
}

#if defined(__x86_64__)
[[gnu::target("sse4.2")]] std::uint32_t crc32c_by_instruction(std::span<const char> bytes) {
    std::uint64_t crc = 0xFFFFFFFFu;
    const char* from = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, from += 8) crc = _mm_crc32_u64(crc, load_word(from));
    auto crc32 = static_cast<std::uint32_t>(crc);
    for (; left > 0; --left, ++from) crc32 = _mm_crc32_u8(crc32, static_cast<unsigned char>(*from));
    return ~crc32;
}

const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
#endif

}  // namespace

std::uint32_t crc32c_by_tables(std::span<const char> bytes) {
    std::uint32_t crc = 0xFFFFFFFFu;
    const char* from = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, from += 8) {
        const std::uint64_t word = load_word(from) ^ crc;  // little-endian, as all of Sluice's targets are
        crc = 0;
        for (std::size_t i = 0; i < 8; ++i) crc ^= tables[7 - i][(word >> (8 * i)) & 0xFFu];
    }
    for (; left > 0; --left, ++from) crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<unsigned char>(*from)) & 0xFFu];
    return ~crc;
}

std::uint32_t crc32c(std::span<const char> bytes) {
#if defined(__x86_64__)
    if (has_instruction) return crc32c_by_instruction(bytes);
#endif
    return crc32c_by_tables(bytes);
}

}  // namespace sluice
