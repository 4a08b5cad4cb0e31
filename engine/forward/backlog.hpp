// Backlog: what a journal holds that is not known to be in Redis, as bytes, samples and age. Values of their owner; the
// forwarder guards those that two threads use.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sinks/journal/reader.hpp"

namespace sluice::forward {

// Bytes of records (and of damage) between two positions. Looks into the directory if they lie in different segments.
[[nodiscard]] sinks::journal::IoResult<std::uint64_t> bytes_between(sinks::journal::FileSystem& files,
                                                                    const sinks::journal::Position& begin,
                                                                    const sinks::journal::Position& end);

// When the segment that holds what follows `position` was begun, in unix ns; nothing if that is not known.
[[nodiscard]] std::optional<std::int64_t> segment_begin_ns(sinks::journal::FileSystem& files,
                                                           const sinks::journal::Position& position);

// Counts the records between two positions, some at a time: a journal may be large, and delivering goes on meanwhile.
class RecordCount {
  public:
    // `files` outlives it.
    RecordCount(sinks::journal::FileSystem& files, const sinks::journal::Position& begin,
                const sinks::journal::Position& end)
        : reader_(files, begin), end_(end), is_complete_(begin >= end) {}

    // Reads at most `records_count_max` records. After an error what was counted stays, and counting ends.
    void advance(std::uint32_t records_count_max);
    [[nodiscard]] bool is_complete() const { return is_complete_; }
    // So far.
    [[nodiscard]] std::uint64_t count() const { return count_; }

  private:
    sinks::journal::Reader reader_;
    const sinks::journal::Position end_;
    std::uint64_t count_ = 0;
    bool is_complete_;
};

// When which part of a journal was confirmed: a bounded list of marks, each for a tenth of a second. When there are too
// many, pairs become one, and later marks are for twice as long: an age is told at most half a percent of the greatest
// too high.
class ConfirmedTimes {
  public:
    static constexpr std::size_t marks_count_max = 512;
    static constexpr std::uint64_t interval_ns_min = 100'000'000;

    ConfirmedTimes() { marks_.reserve(marks_count_max); }
    // Everything before `end` is confirmed; `now_ns` is monotonic and does not fall.
    void add(const sinks::journal::Position& end, std::uint64_t now_ns);
    // When what follows `delivered` was confirmed; nothing if all that was marked lies before it. Forgets older marks.
    [[nodiscard]] std::optional<std::uint64_t> first_behind(const sinks::journal::Position& delivered);

  private:
    // What follows the mark before it, up to `end`.
    struct Mark {
        sinks::journal::Position end;
        std::uint64_t time_ns;  // when the first of it was confirmed
    };
    std::vector<Mark> marks_;  // ascending
    std::uint64_t interval_ns_ = interval_ns_min;
};

}  // namespace sluice::forward
