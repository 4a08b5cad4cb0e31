// What a journal holds that is not known to be in Redis: bytes, samples, and since when.
// runs: release asan
#include "engine/forward/backlog.hpp"

#include <gtest/gtest.h>

#include "sinks/journal/log.hpp"
#include "tests/support/simulated_disk.hpp"

namespace sluice::forward {
namespace {

using sinks::journal::Log;
using sinks::journal::Position;
using sinks::journal::segment_header_bytes;

constexpr std::uint64_t record_bytes = sinks::journal::record_bytes(1000);

// A journal with `count` records of record_bytes each, of which three fit a segment.
class Backlog : public testing::Test {
  protected:
    void write(int count) {
        std::vector<std::string> notes;
        auto log = Log::open(disk, {.segment_bytes = 4096, .total_bytes_max = 10 * 4096}, notes);
        ASSERT_TRUE(log) << log.error().sentence;
        std::string record(record_bytes, '\0');
        sinks::journal::write_record(record.data(), 7, std::string(1000, 'x'));
        for (int i = 0; i < count; ++i) ASSERT_TRUE((*log)->append(record) && (*log)->commit());
        end = (*log)->confirmed();
    }
    [[nodiscard]] static Position behind(std::uint64_t segment, std::uint64_t records_count) {
        return {segment, segment_header_bytes + records_count * record_bytes};
    }

    tests::SimulatedDisk disk{1};
    Position end;
};

TEST_F(Backlog, BytesAreThoseOfTheRecords) {
    write(7);
    EXPECT_EQ(end, behind(3, 1));
    EXPECT_EQ(bytes_between(disk, {}, end), 7 * record_bytes);
    EXPECT_EQ(bytes_between(disk, behind(1, 2), end), 5 * record_bytes);
    EXPECT_EQ(bytes_between(disk, behind(1, 3), end), 4 * record_bytes);
    EXPECT_EQ(bytes_between(disk, behind(3, 0), end), record_bytes);
    EXPECT_EQ(bytes_between(disk, {3, 0}, end), record_bytes);
    EXPECT_EQ(bytes_between(disk, end, end), 0u);
    EXPECT_EQ(bytes_between(disk, {4, 0}, end), 0u);
}

TEST_F(Backlog, RecordsAreCountedSomeAtATime) {
    write(7);
    RecordCount count(disk, behind(1, 1), end);
    EXPECT_FALSE(count.is_complete());
    count.advance(4);
    EXPECT_EQ(count.count(), 4u);
    EXPECT_FALSE(count.is_complete());
    count.advance(100);
    EXPECT_EQ(count.count(), 6u);
    EXPECT_TRUE(count.is_complete());
    EXPECT_TRUE(RecordCount(disk, end, end).is_complete());
    RecordCount of_a_part(disk, {}, behind(2, 1));
    of_a_part.advance(100);
    EXPECT_EQ(of_a_part.count(), 4u) << "what is confirmed later is counted where it is confirmed";
}

TEST_F(Backlog, ASegmentKnowsWhenItWasBegun) {
    write(4);
    EXPECT_TRUE(segment_begin_ns(disk, {}));
    EXPECT_TRUE(segment_begin_ns(disk, behind(1, 3))) << "then the next one";
    EXPECT_FALSE(segment_begin_ns(disk, {9, 0}));
}

TEST(ConfirmedTimesOfAJournal, TellSinceWhenTheOldestIsThere) {
    constexpr std::uint64_t s = 1'000'000'000;
    ConfirmedTimes times;
    EXPECT_EQ(times.first_behind({}), std::nullopt);
    times.add({1, 100}, 10 * s);
    times.add({1, 200}, 10 * s + 1);  // with the mark before it
    times.add({1, 300}, 20 * s);
    times.add({2, 100}, 30 * s);
    EXPECT_EQ(times.first_behind({}), 10 * s);
    EXPECT_EQ(times.first_behind({1, 150}), 10 * s);
    EXPECT_EQ(times.first_behind({1, 200}), 20 * s);
    EXPECT_EQ(times.first_behind({1, 300}), 30 * s);
    EXPECT_EQ(times.first_behind({2, 100}), std::nullopt);
}

TEST(ConfirmedTimesOfAJournal, AreBoundedAndNeverTooLow) {
    ConfirmedTimes times;
    constexpr std::uint64_t count = 20'000;
    for (std::uint64_t i = 1; i <= count; ++i) times.add({1, i}, i * ConfirmedTimes::interval_ns_min);
    for (const std::uint64_t delivered : {0ul, 1ul, 700ul, 9'999ul, 19'000ul, 19'998ul}) {
        const std::uint64_t time_ns = (delivered + 1) * ConfirmedTimes::interval_ns_min;  // of the record behind it
        const auto told_ns = ConfirmedTimes(times).first_behind({1, delivered});
        ASSERT_TRUE(told_ns) << delivered;
        EXPECT_LE(*told_ns, time_ns) << delivered;
        EXPECT_LE(time_ns - *told_ns, count * ConfirmedTimes::interval_ns_min / 200) << delivered;
    }
}

}  // namespace
}  // namespace sluice::forward
