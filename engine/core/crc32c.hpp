// CRC32C (Castagnoli; RFC 3720, appendix B.4): the checksum of the journal's records and of framed Snappy.
//
// Chosen over CRC32 because processors compute it: SSE4.2 takes 8 bytes every 3 cycles, which is less than reading a
// record from memory costs; where the instruction is missing, tables do, with the same result. Own code, because
// Debian 12 packages no C or C++ library for it, and the instruction makes it a loop of three lines.
// Rejected: zlib's crc32 (another polynomial, four times slower here), xxHash (no guarantee for burst errors).
#pragma once

#include <cstdint>
#include <span>

namespace sluice {

// Of `bytes`; 0xE3069283 for the nine digits "123456789".
[[nodiscard]] std::uint32_t crc32c(std::span<const char> bytes);

// The same without the processor's instruction. For tests and processors that lack it.
[[nodiscard]] std::uint32_t crc32c_by_tables(std::span<const char> bytes);

}  // namespace sluice
