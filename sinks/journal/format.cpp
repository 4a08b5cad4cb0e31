#include "sinks/journal/format.hpp"

#include <array>
#include <charconv>
#include <cstring>

#include "engine/core/crc32c.hpp"

namespace sluice::sinks::journal {
namespace {

constexpr std::array<char, 8> segment_magic{'S', 'L', 'U', 'I', 'C', 'E', 'J', '\n'};
constexpr std::uint32_t format_version = 1;

struct StoredSegmentHeader {
    std::array<char, 8> magic;
    std::uint32_t version;
    std::uint32_t header_bytes;
    std::uint64_t sequence;
    std::int64_t created_ns;
    std::uint64_t previous_sequence;
    std::uint64_t previous_end;
    std::uint64_t closed_end;
    std::array<char, 4> reserved;
    std::uint32_t crc;  // of everything before it
};
static_assert(sizeof(StoredSegmentHeader) == segment_header_bytes);
constexpr std::size_t header_crc_bytes = offsetof(StoredSegmentHeader, crc);

constexpr std::string_view name_suffix = ".log";
constexpr std::size_t name_digits_count = 20;  // of the greatest 64-bit number

}  // namespace

void write_record(char* to, std::int64_t timestamp_ns, std::string_view text) {
    RecordHeader header{record_mark, 0, static_cast<std::uint32_t>(text.size()), sample_record_kind, timestamp_ns};
    const std::size_t bytes = record_bytes(text.size());
    std::memset(to + bytes - record_alignment, 0,
                record_alignment);  // the padding, before the text is put over its begin
    std::memcpy(to, &header, sizeof header);
    std::memcpy(to + sizeof header, text.data(), text.size());
    header.crc = crc32c({to + crc_begin, sizeof header - crc_begin + text.size()});
    std::memcpy(to + offsetof(RecordHeader, crc), &header.crc, sizeof header.crc);
}

std::optional<RecordView> read_record(std::span<const char> bytes) {
    RecordHeader header;
    if (bytes.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.mark != record_mark || header.kind != sample_record_kind) return std::nullopt;
    if (header.text_bytes > limits::sample_bytes_max || record_bytes(header.text_bytes) > bytes.size())
        return std::nullopt;
    if (crc32c(bytes.subspan(crc_begin, sizeof header - crc_begin + header.text_bytes)) != header.crc)
        return std::nullopt;
    return RecordView{
        header.timestamp_ns, {bytes.data() + sizeof header, header.text_bytes}, record_bytes(header.text_bytes)};
}

std::size_t first_record_bytes(std::span<const char> bytes) {
    RecordHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    return record_bytes(header.text_bytes);
}

std::string render_segment_header(const SegmentHeader& header) {
    StoredSegmentHeader stored{segment_magic,
                               format_version,
                               segment_header_bytes,
                               header.sequence,
                               header.created_ns,
                               header.previous_sequence,
                               header.previous_end,
                               header.closed_end,
                               {},
                               0};
    std::string text(sizeof stored, '\0');
    std::memcpy(text.data(), &stored, sizeof stored);
    stored.crc = crc32c({text.data(), header_crc_bytes});
    std::memcpy(text.data(), &stored, sizeof stored);
    return text;
}

std::optional<SegmentHeader> read_segment_header(std::span<const char> bytes) {
    StoredSegmentHeader stored;
    if (bytes.size() < sizeof stored) return std::nullopt;
    std::memcpy(&stored, bytes.data(), sizeof stored);
    if (stored.magic != segment_magic || stored.version != format_version) return std::nullopt;
    if (stored.header_bytes != segment_header_bytes || stored.crc != crc32c(bytes.first(header_crc_bytes)))
        return std::nullopt;
    return SegmentHeader{stored.sequence, stored.created_ns, stored.previous_sequence, stored.previous_end,
                         stored.closed_end};
}

std::string segment_name(std::uint64_t sequence) {
    const std::string digits = std::to_string(sequence);
    return std::string(name_digits_count - digits.size(), '0').append(digits).append(name_suffix);
}

std::optional<std::uint64_t> sequence_of_name(std::string_view name) {
    if (name.size() != name_digits_count + name_suffix.size() || !name.ends_with(name_suffix)) return std::nullopt;
    std::uint64_t sequence = 0;
    const char* const end = name.data() + name_digits_count;
    const auto [stop, error] = std::from_chars(name.data(), end, sequence);
    if (error != std::errc{} || stop != end || sequence == 0) return std::nullopt;
    return sequence;
}

}  // namespace sluice::sinks::journal
