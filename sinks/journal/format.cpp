#include "sinks/journal/format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "engine/core/check.hpp"
#include "engine/core/crc32c.hpp"
#include "engine/core/tenant_name.hpp"

namespace sluice::sinks::journal {
namespace {

constexpr std::array<char, 8> segment_magic{'S', 'L', 'U', 'I', 'C', 'E', 'J', '\n'};

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

void write_record(char* to, std::int64_t timestamp_ns, std::string_view text, std::string_view tenant) {
    CHECK(is_tenant_name(tenant));
    const std::size_t text_bytes = 1 + tenant.size() + text.size();
    RecordHeader header{record_mark, 0, static_cast<std::uint32_t>(text_bytes), tenant_record_kind, timestamp_ns};
    const std::size_t bytes = record_bytes(text_bytes);
    std::memset(to + bytes - record_alignment, 0, record_alignment);  // as above
    std::memcpy(to, &header, sizeof header);
    char* const name = to + sizeof header;
    *name = static_cast<char>(tenant.size());
    std::memcpy(name + 1, tenant.data(), tenant.size());
    std::memcpy(name + 1 + tenant.size(), text.data(), text.size());
    header.crc = crc32c({to + crc_begin, sizeof header - crc_begin + text_bytes});
    std::memcpy(to + offsetof(RecordHeader, crc), &header.crc, sizeof header.crc);
}

namespace {

// Takes the tenant's name off the begin of the record's text. False: it has none that could be one.
bool take_tenant(RecordView& record) {
    const std::size_t tenant_bytes = record.text.empty() ? 0 : static_cast<unsigned char>(record.text.front());
    if (tenant_bytes >= record.text.size()) return false;
    record.tenant = record.text.substr(1, tenant_bytes);
    record.text.remove_prefix(1 + tenant_bytes);
    return is_tenant_name(record.tenant);
}

}  // namespace

std::optional<RecordView> read_record(std::span<const char> bytes) {
    RecordHeader header;
    if (bytes.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, bytes.data(), sizeof header);
    const bool is_known = header.kind == sample_record_kind || header.kind == tenant_record_kind;
    if (header.mark != record_mark || !is_known) return std::nullopt;
    if (record_bytes(header.text_bytes) > std::min(record_bytes_max, bytes.size())) return std::nullopt;
    if (crc32c(bytes.subspan(crc_begin, sizeof header - crc_begin + header.text_bytes)) != header.crc)
        return std::nullopt;
    RecordView record{.timestamp_ns = header.timestamp_ns,
                      .text = {bytes.data() + sizeof header, header.text_bytes},
                      .bytes = record_bytes(header.text_bytes)};
    if (header.kind == tenant_record_kind && !take_tenant(record)) return std::nullopt;
    if (record.text.size() > limits::sample_bytes_max) return std::nullopt;
    return record;
}

std::size_t first_record_bytes(std::span<const char> bytes) {
    RecordHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    return record_bytes(header.text_bytes);
}

std::string render_segment_header(const SegmentHeader& header) {
    StoredSegmentHeader stored{segment_magic,
                               header.version,
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
    const bool is_known = stored.version == plain_version || stored.version == tenants_version;
    if (stored.magic != segment_magic || !is_known) return std::nullopt;
    if (stored.header_bytes != segment_header_bytes || stored.crc != crc32c(bytes.first(header_crc_bytes)))
        return std::nullopt;
    return SegmentHeader{stored.sequence,     stored.created_ns, stored.previous_sequence,
                         stored.previous_end, stored.closed_end, stored.version};
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
