// The journal's format on the disk: its checksum, its records, and the names of its segments.
// runs: release asan
#include "sinks/journal/format.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "engine/core/crc32c.hpp"
#include "tests/support/seed.hpp"

namespace sluice::sinks::journal {
namespace {

std::string record_of(std::string_view text) {
    std::string record(record_bytes(text.size()), '\xFF');
    write_record(record.data(), 7, text);
    return record;
}

TEST(Crc32c, KnownValues) {
    EXPECT_EQ(crc32c({}), 0u);
    EXPECT_EQ(crc32c(std::string_view("123456789")), 0xE3069283u);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, appendix B.4
    EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
}

TEST(Crc32c, TablesAndInstructionAgree) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::mt19937_64 random(seed);
    for (std::size_t bytes = 0; bytes < 300; ++bytes) {
        std::string text(bytes, '\0');
        for (char& c : text) c = static_cast<char>(random());
        ASSERT_EQ(crc32c(text), crc32c_by_tables(text)) << bytes;
    }
}

TEST(JournalFormat, ARecordOfEveryLengthComesBack) {
    for (std::size_t bytes = 0; bytes <= 40; ++bytes) {
        const std::string text(bytes, 'x');
        const std::string record = record_of(text);
        EXPECT_EQ(record.size() % record_alignment, 0u);
        const auto read = read_record(record);
        ASSERT_TRUE(read) << bytes;
        EXPECT_EQ(read->text, text);
        EXPECT_EQ(read->timestamp_ns, 7);
        EXPECT_EQ(read->bytes, record.size());
        EXPECT_EQ(first_record_bytes(record), record.size());
    }
}

TEST(JournalFormat, EveryFlippedBitAndEveryCutIsFound) {
    const std::string record = record_of("{\"device_id\":\"d\"}");
    const std::size_t covered = sizeof(RecordHeader) + 17;  // the padding behind it says nothing
    for (std::size_t bit = 0; bit < covered * 8; ++bit) {
        std::string damaged = record;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
        EXPECT_FALSE(read_record(damaged)) << bit;
    }
    for (std::size_t bytes = 0; bytes < record.size(); ++bytes)
        EXPECT_FALSE(read_record(std::string_view(record).substr(0, bytes)));
}

TEST(JournalFormat, ARecordNamesItsTenant) {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{100}, limits::sample_bytes_max}) {
        for (const std::string& tenant : {std::string("a"), std::string(limits::tenant_name_bytes_max, 'z')}) {
            const std::string text(bytes, 'x');
            std::string record(record_bytes(text.size(), tenant.size()), '\xFF');
            write_record(record.data(), 7, text, tenant);
            const auto read = read_record(record);
            ASSERT_TRUE(read) << bytes;
            EXPECT_EQ(read->tenant, tenant);
            EXPECT_EQ(read->text, text);
            EXPECT_EQ(read->bytes, record.size());
            EXPECT_EQ(first_record_bytes(record), record.size());
            EXPECT_LE(record.size(), record_bytes_max);
        }
    }
    EXPECT_EQ(read_record(record_of("{}"))->tenant, "");
}

TEST(JournalFormat, SegmentsOfBothVersionsAreRead) {
    for (const std::uint32_t version : {plain_version, tenants_version}) {
        SegmentHeader header{.sequence = 4, .created_ns = 5, .version = version};
        const auto read = read_segment_header(render_segment_header(header));
        ASSERT_TRUE(read) << version;
        EXPECT_EQ(read->version, version);
        EXPECT_EQ(read->sequence, 4u);
    }
    EXPECT_FALSE(read_segment_header(render_segment_header({.sequence = 4, .version = tenants_version + 1})));
}

TEST(JournalFormat, SegmentNames) {
    EXPECT_EQ(segment_name(42), "00000000000000000042.log");
    EXPECT_EQ(sequence_of_name("00000000000000000042.log"), 42u);
    EXPECT_EQ(sequence_of_name(segment_name(~std::uint64_t{0})), ~std::uint64_t{0});
    for (const char* const other : {"", "42.log", "00000000000000000000.log", "0000000000000000004x.log",
                                    "99999999999999999999.log", "delivered"})
        EXPECT_FALSE(sequence_of_name(other)) << other;
}

}  // namespace
}  // namespace sluice::sinks::journal
