// What stands in a segment file: a header, then records, then zeros. All numbers little-endian.
//
//   header  64 bytes   magic, version, sequence, created_ns, previous_sequence, previous_end, closed_end, crc
//   record  24 bytes   mark, crc, text_bytes, kind, timestamp_ns; then the text, and zeros up to a multiple of 8
//
// Version 2 of a segment may hold records of kind 2: a sample of a tenant. Their text begins with a byte that says how
// long the tenant's name is, and the name. A writer without tenants writes version 1, which older engines read.
//
// A record holds a sample as the client sent it, and the time that the engine understood or gave it. From these two the
// command of every Redis layout can be rendered later, by the decoder and encoder that would have done it at once:
// `json`, `list` and `packed` want the text itself, and `fields` is what the decoder makes of it (about 0.1 µs a
// sample, a tenth of what Redis needs for it). Rejected: the rendered command (would fix layout, stream and partitions
// on the day of writing), and a binary form of Sample's members (the text would have to be stored as well, and the form
// kept readable for ever).
//
// `crc` covers everything behind it up to the text's end. `mark` has a byte that JSON text never contains, so
// that a record can be found again behind one whose length is damaged, and no client can forge one inside its sample.
//
// Segments form a chain: each names its predecessor and how many bytes of that count (`previous_end`). What stands
// behind them was never acknowledged: the torn tail of a crash, or what an fdatasync that failed left behind. The last
// one has no successor yet; if its writer stopped in order it says itself how many bytes count (`closed_end`), so that
// what is damaged or missing at its very end can be told from a torn tail.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/core/limits.hpp"

namespace sluice::sinks::journal {

static_assert(std::endian::native == std::endian::little, "records are written as the processor has them");

inline constexpr std::size_t record_alignment = 8;

struct RecordHeader {
    std::uint32_t mark;
    std::uint32_t crc;
    std::uint32_t text_bytes;
    std::uint32_t kind;  // sample_record_kind or tenant_record_kind; others are of later versions
    std::int64_t timestamp_ns;  // since 1970: Sample::timestamp_ns
};
static_assert(sizeof(RecordHeader) == 24 && sizeof(RecordHeader) % record_alignment == 0);

inline constexpr std::uint32_t record_mark = 0x4A52FF1Eu;  // bytes 1E FF 'R' 'J'
inline constexpr std::uint32_t sample_record_kind = 1;
inline constexpr std::uint32_t tenant_record_kind = 2;
inline constexpr std::size_t crc_begin = offsetof(RecordHeader, text_bytes);  // what the crc covers begins here

// Bytes of a record in the file, padding included.
[[nodiscard]] constexpr std::size_t record_bytes(std::size_t text_bytes) {
    return (sizeof(RecordHeader) + text_bytes + record_alignment - 1) & ~(record_alignment - 1);
}
// The same of a sample of a tenant, whose name has 1 to limits::tenant_name_bytes_max bytes.
[[nodiscard]] constexpr std::size_t record_bytes(std::size_t text_bytes, std::size_t tenant_bytes) {
    return record_bytes(1 + tenant_bytes + text_bytes);
}
inline constexpr std::size_t record_bytes_max = record_bytes(limits::sample_bytes_max, limits::tenant_name_bytes_max);

// Renders a record to `to`, which has record_bytes(text.size()) bytes and is 8-aligned within its segment.
void write_record(char* to, std::int64_t timestamp_ns, std::string_view text);
// The same of a sample of a tenant.
void write_record(char* to, std::int64_t timestamp_ns, std::string_view text, std::string_view tenant);

struct RecordView {
    std::int64_t timestamp_ns = 0;
    std::string_view text;  // of the sample; into the bytes that were given, as `tenant`
    std::string_view tenant{};  // empty: nobody's
    std::size_t bytes = 0;  // of the whole record
};
// The record at the begin of `bytes`; nothing if there is none that is whole and undamaged.
[[nodiscard]] std::optional<RecordView> read_record(std::span<const char> bytes);

// Bytes of the record at the begin of `bytes`, which write_record() wrote: nothing is checked.
[[nodiscard]] std::size_t first_record_bytes(std::span<const char> bytes);

inline constexpr std::uint32_t plain_version = 1;
inline constexpr std::uint32_t tenants_version = 2;

struct SegmentHeader {
    std::uint64_t sequence = 0;  // 1, 2, …; may skip numbers
    std::int64_t created_ns = 0;  // since 1970
    std::uint64_t previous_sequence = 0;  // 0: this is the first
    std::uint64_t previous_end = 0;  // bytes of the predecessor that count
    std::uint64_t closed_end = 0;  // bytes of this one that count; 0: its writer has not said so
    std::uint32_t version = plain_version;  // or tenants_version
};
inline constexpr std::size_t segment_header_bytes = 64;

[[nodiscard]] std::string render_segment_header(const SegmentHeader& header);
// Nothing if `bytes`, which has at least segment_header_bytes, is no header of a version that is known.
[[nodiscard]] std::optional<SegmentHeader> read_segment_header(std::span<const char> bytes);

// `00000000000000000042.log`: names sort as sequences do.
[[nodiscard]] std::string segment_name(std::uint64_t sequence);
[[nodiscard]] std::optional<std::uint64_t> sequence_of_name(std::string_view name);

}  // namespace sluice::sinks::journal
