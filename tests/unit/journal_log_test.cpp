// The journal's log over a simulated disk: one promise of sinks/journal/log.hpp a test.
// Its format: journal_format_test.cpp. Random sequences of all of them: tests/property/journal_model_test.cpp.
// runs: release asan
#include "sinks/journal/log.hpp"

#include <gtest/gtest.h>

#include "sinks/journal/delivered.hpp"
#include "sinks/journal/reader.hpp"
#include "tests/support/simulated_disk.hpp"

namespace sluice::sinks::journal {
namespace {

using tests::SimulatedDisk;

constexpr LogSettings settings{.segment_bytes = 4096, .total_bytes_max = 3 * 4096};
constexpr LogSettings many_blocks{.segment_bytes = 65'536, .total_bytes_max = 3 * 65'536};

std::string record_of(std::string_view text) {
    std::string record(record_bytes(text.size()), '\xFF');
    write_record(record.data(), 7, text);
    return record;
}

class JournalLog : public testing::Test {
  protected:
    std::unique_ptr<Log> open(const LogSettings& with = settings) {
        notes.clear();
        auto log = Log::open(disk, with, notes);
        EXPECT_TRUE(log) << log.error().sentence;
        return log ? std::move(*log) : nullptr;
    }
    static bool put(Log& log, std::string_view text) { return log.append(record_of(text)) && log.commit(); }

    // Texts of all records, and gaps as `[segment:offset+bytes]`.
    std::string contents(const Position& from = {}) {
        Reader reader(disk, from);
        std::string text;
        for (;;) {
            const auto step = reader.next();
            if (!step || *step == Reader::Step::end) return text;
            if (!text.empty()) text += ' ';
            if (*step == Reader::Step::record) text += reader.record().text;
            else
                text += "[" + std::to_string(reader.gap_position().segment) + ":" +
                        std::to_string(reader.gap_position().offset) + "+" + std::to_string(reader.gap_bytes()) + "]";
        }
    }
    std::vector<std::uint64_t> sequences() {
        std::vector<std::uint64_t> found;
        const auto segments = list_segments(disk).value();
        for (const Segment& segment : segments) found.push_back(segment.sequence);
        return found;
    }

    SimulatedDisk disk{1};
    std::vector<std::string> notes;
};

TEST_F(JournalLog, HoldsWhatWasCommittedAcrossRestarts) {
    auto log = open();
    EXPECT_TRUE(put(*log, "one"));
    log.reset();
    log = open();
    EXPECT_TRUE(put(*log, "two"));
    EXPECT_EQ(contents(), "one two");
    EXPECT_TRUE(notes.empty());
}

TEST_F(JournalLog, OneSyncConfirmsAGroup) {
    auto log = open();
    ASSERT_TRUE(log->append(record_of("one")));
    ASSERT_TRUE(log->append(record_of("two")));
    disk.syncs_until_failure = 1;  // the second sync would fail
    EXPECT_TRUE(log->commit());
    EXPECT_TRUE(log->commit()) << "nothing to sync";
    EXPECT_EQ(contents(), "one two");
}

// The disk may be smaller than journal.size_max, or shared.
TEST_F(JournalLog, AFullDiskIsMadeRoomOnByRemovingWhatWasDelivered) {
    auto log = open();
    const auto text = [](char c) { return std::string(3000, c); };
    ASSERT_TRUE(put(*log, text('a')));
    ASSERT_TRUE(write_delivered(disk, log->confirmed()));
    const std::uint64_t capacity_bytes = disk.capacity_bytes = disk.used_bytes();
    ASSERT_TRUE(put(*log, text('b')));
    EXPECT_EQ(contents(), text('b'));
    const auto full = log->append(record_of(text('c')));
    ASSERT_FALSE(full) << "nothing else was delivered";
    EXPECT_EQ(full.error().failure, LogFailure::full);
    disk.capacity_bytes = disk.used_bytes();
    ASSERT_TRUE(write_delivered(disk, log->confirmed())) << "to keep the position needs no room";
    disk.capacity_bytes = capacity_bytes;
    ASSERT_TRUE(put(*log, text('d')));
    EXPECT_EQ(contents(), text('d'));
}

TEST_F(JournalLog, RotatesAndKeepsAll) {
    auto log = open();
    std::string expected;
    for (int i = 0; i < 9; ++i) {
        const std::string text = std::to_string(i) + std::string(900, 'x');
        ASSERT_TRUE(put(*log, text));
        expected += (i == 0 ? "" : " ") + text;
    }
    EXPECT_EQ(contents(), expected);
    EXPECT_EQ(sequences(), (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST_F(JournalLog, ASecondWriterIsRefused) {
    const auto first = open();
    const auto second = Log::open(disk, settings, notes);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().failure, LogFailure::locked);
}

TEST_F(JournalLog, AReadOnlyDirectoryIsRefused) {
    disk.is_read_only = true;
    const auto log = Log::open(disk, settings, notes);
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().failure, LogFailure::broken);
    EXPECT_NE(log.error().sentence.find("Read-only file system"), std::string::npos);
}

// Once fdatasync has failed, the segment is never written or synced again, and its tail does not count.
TEST_F(JournalLog, AfterAFailedSyncASegmentIsNotTrustedAgain) {
    auto log = open();
    ASSERT_TRUE(put(*log, "kept"));
    ASSERT_TRUE(log->append(record_of("lost")));
    disk.syncs_until_failure = 0;
    EXPECT_FALSE(log->commit());
    EXPECT_TRUE(log->commit()) << "nothing is left to commit";
    ASSERT_TRUE(put(*log, "next"));
    EXPECT_EQ(contents(), "kept next");
    EXPECT_EQ(sequences(), (std::vector<std::uint64_t>{1, 2}));
    disk.die();
    log.reset();
    disk.revive_after_power_loss();
    log = open();
    EXPECT_EQ(contents(), "kept next");
}

TEST_F(JournalLog, AFailedWriteTakesItsGroupWithIt) {
    auto log = open();
    ASSERT_TRUE(put(*log, "kept"));
    ASSERT_TRUE(log->append(record_of("same group")));
    disk.writes_until_failure = 0;
    const auto failed = log->append(record_of("lost"));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().failure, LogFailure::broken);
    ASSERT_TRUE(put(*log, "next"));
    EXPECT_EQ(contents(), "kept next");
}

TEST_F(JournalLog, AFullDeviceRefusesAndRecovers) {
    disk.capacity_bytes = 13'000;  // one segment, and `delivered`
    auto log = open();
    while (put(*log, std::string(500, 'x'))) {
    }
    const std::string full = contents();
    const auto refused = log->append(record_of("no"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().failure, LogFailure::full);
    EXPECT_EQ(contents(), full) << "nothing is dropped for room";
    disk.capacity_bytes = 50'000;
    EXPECT_TRUE(log->prepare());
    EXPECT_TRUE(put(*log, "yes"));
    EXPECT_EQ(contents(), full + " yes");
}

TEST_F(JournalLog, OpensOnAFullDeviceAndRefuses) {
    disk.capacity_bytes = 100;
    auto log = open();
    const auto refused = log->append(record_of("no"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().failure, LogFailure::full);
}

TEST_F(JournalLog, ItsBoundIsFreedByDeliveryOnly) {
    auto log = open();
    while (put(*log, std::string(900, 'x'))) {
    }
    EXPECT_EQ(sequences(), (std::vector<std::uint64_t>{1, 2, 3}));
    EXPECT_EQ(log->append(record_of("no")).error().failure, LogFailure::full);
    EXPECT_LE(log->total_bytes(), settings.total_bytes_max);
    ASSERT_TRUE(write_delivered(disk, {2, segment_header_bytes}));
    EXPECT_TRUE(put(*log, "yes"));
    EXPECT_EQ(sequences(), (std::vector<std::uint64_t>{2, 3, 4}));
}

TEST_F(JournalLog, NumbersGoOnBehindWhatWasDeliveredAndRemoved) {
    auto log = open();
    ASSERT_TRUE(put(*log, "old"));
    log.reset();
    ASSERT_TRUE(write_delivered(disk, {5, 4096}));
    ASSERT_TRUE(disk.remove(segment_name(1)));
    log = open();
    ASSERT_TRUE(put(*log, "new"));
    EXPECT_GT(sequences().front(), 5u);
    EXPECT_EQ(contents(**read_delivered(disk)), "new");
}

TEST_F(JournalLog, ATornTailIsCutAndReported) {
    auto log = open();
    ASSERT_TRUE(put(*log, "kept"));
    disk.die();
    log.reset();
    disk.revive();
    const std::uint64_t end = segment_header_bytes + record_bytes(4);
    auto file = *disk.open(segment_name(1), Access::read_and_write);
    ASSERT_TRUE(file->write(end, record_of("torn").substr(0, 20)));
    log = open();
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_NE(notes[0].find("00000000000000000001.log: "), std::string::npos);
    EXPECT_NE(notes[0].find("offset " + std::to_string(end)), std::string::npos) << notes[0];
    ASSERT_TRUE(put(*log, "next"));
    EXPECT_EQ(contents(), "kept next");
}

TEST_F(JournalLog, ADamagedRecordIsReportedAndSkipped) {
    auto log = open();
    for (const char* const text : {"one", "two", "three"}) ASSERT_TRUE(put(*log, text));
    const std::uint64_t two = segment_header_bytes + record_bytes(3);
    // In its text, in its length, and in its mark.
    for (const std::uint64_t byte : {sizeof(RecordHeader), offsetof(RecordHeader, text_bytes) + 1, std::size_t{0}}) {
        disk.flip_bit(segment_name(1), two + byte, 3);
        EXPECT_EQ(contents(), "one [1:" + std::to_string(two) + "+" + std::to_string(record_bytes(3)) + "] three");
        disk.flip_bit(segment_name(1), two + byte, 3);
    }
    disk.flip_bit(segment_name(1), two, 3);
    disk.die();
    log.reset();
    disk.revive();
    log = open();
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_NE(notes[0].find("00000000000000000001.log: 32 bytes at offset " + std::to_string(two)), std::string::npos)
        << notes[0];
}

TEST_F(JournalLog, ADamagedHeaderHidesNoRecords) {
    auto log = open();
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(put(*log, std::to_string(i) + std::string(900, 'x')));
    ASSERT_EQ(sequences(), (std::vector<std::uint64_t>{1, 2}));
    const std::string before = contents();
    disk.flip_bit(segment_name(2), 20, 1);
    const std::string after = contents();
    EXPECT_EQ(after.find("[2:0+64]"), after.find(" 4x") - 8) << after;
    EXPECT_EQ(after.size(), before.size() + 9);
}

// A reader that was at the end goes on when the writer has: in the same segment, and in the next one.
TEST_F(JournalLog, AReaderFollowsTheWriter) {
    auto log = open();
    Reader reader(disk, {});
    EXPECT_EQ(reader.next().value(), Reader::Step::end);
    for (int i = 0; i < 8; ++i) {
        const std::string text = std::to_string(i) + std::string(900, 'x');
        ASSERT_TRUE(put(*log, text));
        ASSERT_EQ(reader.next().value(), Reader::Step::record);
        EXPECT_EQ(reader.record().text, text);
        EXPECT_EQ(reader.next().value(), Reader::Step::end);
    }
}

// Its writer may also give it up again, where the disk is full.
TEST_F(JournalLog, ASegmentThatIsBeingMadeIsNoDamage) {
    auto log = open();
    ASSERT_TRUE(put(*log, "a"));
    log.reset();
    ASSERT_TRUE(disk.create(segment_name(2), settings.segment_bytes));
    EXPECT_EQ(contents(), "a");
    EXPECT_EQ(contents({2, 0}), "");
}

TEST_F(JournalLog, TheDeliveredPositionIsWrittenInTurn) {
    EXPECT_FALSE(read_delivered(disk)->has_value());
    for (std::uint64_t offset = 100; offset < 500; offset += 100) {
        ASSERT_TRUE(write_delivered(disk, {3, offset}));
        EXPECT_EQ(**read_delivered(disk), (Position{3, offset}));
    }
    disk.flip_bit(delivered_name, 4096 + 9, 0);  // the fourth
    EXPECT_EQ(**read_delivered(disk), (Position{3, 300})) << "the one before is still there";
    disk.flip_bit(delivered_name, 9, 0);
    const auto damaged = read_delivered(disk);
    ASSERT_FALSE(damaged);
    EXPECT_EQ(damaged.error(), std::errc::io_error);
    ASSERT_TRUE(write_delivered(disk, {4, 64}));
    EXPECT_EQ(**read_delivered(disk), (Position{4, 64})) << "a new position makes it whole again";
}

TEST_F(JournalLog, ABlockOfTheDeliveredPositionThatGoesBadIsWrittenAnew) {
    for (std::uint64_t offset = 100; offset < 400; offset += 100) ASSERT_TRUE(write_delivered(disk, {3, offset}));
    disk.unreadable = {delivered_name, 4096, 4097};
    EXPECT_EQ(**read_delivered(disk), (Position{3, 300}));
    for (std::uint64_t offset = 400; offset < 700; offset += 100) {
        ASSERT_TRUE(write_delivered(disk, {3, offset}));
        EXPECT_EQ(**read_delivered(disk), (Position{3, offset}));
    }
}

TEST_F(JournalLog, AFirstDeliveredPositionThatWasTornIsNone) {
    ASSERT_TRUE(write_delivered(disk, {3, 100}));
    disk.flip_bit(delivered_name, 9, 0);
    const auto read = read_delivered(disk);
    ASSERT_TRUE(read);
    EXPECT_FALSE(read->has_value());
}

// Nothing but this frees a disk that is full.
TEST_F(JournalLog, ToKeepTheDeliveredPositionNeedsNoRoom) {
    auto log = open();
    ASSERT_TRUE(put(*log, "one"));
    disk.capacity_bytes = disk.used_bytes();
    for (std::uint64_t offset = 64; offset < 128; offset += 8) ASSERT_TRUE(write_delivered(disk, {1, offset}));
}

// --- what stood at the end, after a stop in order ------------------------------------------------------------------

TEST_F(JournalLog, ADamagedLastRecordIsNoTornTail) {
    auto log = open();
    for (const char* const text : {"one", "two"}) ASSERT_TRUE(put(*log, text));
    log.reset();
    const std::uint64_t two = segment_header_bytes + record_bytes(3);
    disk.flip_bit(segment_name(1), two + sizeof(RecordHeader), 1);
    const std::string expected = "one [1:" + std::to_string(two) + "+" + std::to_string(record_bytes(3)) + "]";
    EXPECT_EQ(contents(), expected);
    log = open();
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_NE(notes[0].find("offset " + std::to_string(two) + " are damaged"), std::string::npos) << notes[0];
    ASSERT_TRUE(put(*log, "next"));
    EXPECT_EQ(contents(), expected + " next") << "it is reported for as long as it is there";
}

TEST_F(JournalLog, AMissingEndIsNoTornTail) {
    auto log = open();
    for (const char* const text : {"one", "two"}) ASSERT_TRUE(put(*log, text));
    log.reset();
    const std::uint64_t two = segment_header_bytes + record_bytes(3);
    ASSERT_TRUE((*disk.open(segment_name(1), Access::read_and_write))->truncate(two));
    EXPECT_EQ(contents(), "one [1:" + std::to_string(two) + "+" + std::to_string(record_bytes(3)) + "]");
}

TEST_F(JournalLog, WhatIsTornStaysForWhoeverWantsToLook) {
    auto log = open();
    ASSERT_TRUE(put(*log, "one"));
    disk.die();
    log.reset();
    disk.revive();
    disk.flip_bit(segment_name(1), segment_header_bytes, 1);
    const std::uint64_t text_at = segment_header_bytes + sizeof(RecordHeader);
    log = open();
    ASSERT_TRUE(put(*log, "next"));
    EXPECT_EQ(contents(), "next");
    std::array<char, 3> bytes{};
    ASSERT_TRUE((*disk.open(segment_name(1), Access::read))->read(text_at, bytes));
    EXPECT_EQ(std::string_view(bytes.data(), bytes.size()), "one");
}

// --- what the disk does to a segment -------------------------------------------------------------------------------

TEST_F(JournalLog, AHeaderOfZerosHidesNoRecords) {
    auto log = open();
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(put(*log, std::to_string(i) + std::string(900, 'x')));
    ASSERT_EQ(sequences(), (std::vector<std::uint64_t>{1, 2}));
    const std::size_t size_before = contents().size();
    ASSERT_TRUE(
        (*disk.open(segment_name(2), Access::read_and_write))->write(0, std::string(segment_header_bytes, '\0')));
    EXPECT_NE(contents().find("[2:0+64] 4x"), std::string::npos);
    EXPECT_EQ(contents().size(), size_before + 9);
}

TEST_F(JournalLog, WhatCannotBeReadIsAGap) {
    auto log = open(many_blocks);
    for (char c = 'a'; c < 'y'; ++c) ASSERT_TRUE(put(*log, std::string(936, c)));
    ASSERT_EQ(record_bytes(936), 960u);
    disk.unreadable = {segment_name(1), 9000, 9001};
    // The block from 8192 to 12288 touches the records from 64 + 8 * 960 = 7744 to 64 + 13 * 960.
    const std::string found = contents();
    EXPECT_NE(found.find("h [1:7744+4800] n"), std::string::npos) << found;
    EXPECT_EQ(found.front(), 'a');
    EXPECT_EQ(found.back(), 'x');
    disk.die();
    log.reset();
    disk.revive();
    log = open(many_blocks);
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_NE(notes[0].find("4800 bytes at offset 7744 are damaged"), std::string::npos) << notes[0];
}

TEST_F(JournalLog, AHeaderThatCannotBeReadHidesNoRecords) {
    auto log = open(many_blocks);
    for (char c = 'a'; c < 'y'; ++c) ASSERT_TRUE(put(*log, std::string(936, c)));
    disk.unreadable = {segment_name(1), 0, 1};
    const std::string found = contents();
    EXPECT_EQ(found.find("[1:0+64] aaaa"), 0u) << found;
    EXPECT_EQ(found.back(), 'x');
}

TEST_F(JournalLog, OpensThoughItsLastBytesCannotBeRead) {
    auto log = open(many_blocks);
    ASSERT_TRUE(put(*log, "one"));
    disk.die();
    log.reset();
    disk.revive();
    disk.unreadable = {segment_name(1), 50'000, 50'001};
    log = open(many_blocks);
    ASSERT_FALSE(notes.empty());
    EXPECT_NE(notes.back().find("cannot be read"), std::string::npos) << notes.back();
    ASSERT_TRUE(put(*log, "next"));
    disk.unreadable = {};
    EXPECT_EQ(contents(), "one next");
}

// After a failed sync the tail could not even be cut: a reader that stands there passes it all the same.
TEST_F(JournalLog, AReaderThatLearnsTheEndPassesADistrustedTail) {
    auto log = open();
    ASSERT_TRUE(put(*log, "kept"));
    Reader reader(disk, {});
    ASSERT_EQ(reader.next().value(), Reader::Step::record);
    ASSERT_TRUE(log->append(record_of("distrusted")));
    disk.syncs_until_failure = 0;
    disk.truncates_until_failure = 0;
    EXPECT_FALSE(log->commit());
    ASSERT_TRUE(put(*log, "next"));
    ASSERT_TRUE(reader.learn_end());
    ASSERT_EQ(reader.next().value(), Reader::Step::record);
    EXPECT_EQ(reader.record().text, "next");
}

TEST_F(JournalLog, AMissingFirstSegmentIsALossUnlessItWasDelivered) {
    auto log = open();
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(put(*log, std::to_string(i) + std::string(900, 'x')));
    log.reset();
    ASSERT_TRUE(disk.remove(segment_name(1)));
    const Segment second = list_segments(disk)->front();
    EXPECT_TRUE(lacks_predecessor(second, std::nullopt));
    EXPECT_TRUE(lacks_predecessor(second, Position{1, 100}));
    EXPECT_FALSE(lacks_predecessor(second, Position{2, segment_header_bytes}));
    log = open();
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_NE(notes[0].find("the segment before it is missing"), std::string::npos);
}

}  // namespace
}  // namespace sluice::sinks::journal
