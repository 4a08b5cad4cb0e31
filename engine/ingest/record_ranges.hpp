// RecordRanges: a set of records of one body, as ranges of their numbers. Bounded: where more ranges would be needed
// than there is room for, those that are nearest to each other are joined, and the set holds records that were not
// added. It never lacks one that was.
//
// A value, valid as zeroed memory; the reactor's thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/core/limits.hpp"

namespace sluice {

struct RecordRange {
    std::uint32_t first_index;  // of a record in the body, 0-based
    std::uint32_t last_index;   // of the range's last record; not below the first
};

class RecordRanges {
  public:
    void clear() { count_ = 0; }
    // All records from the first to the last, which are below 2^32 - 1.
    void add(std::uint32_t first_index, std::uint32_t last_index);
    // In order, with at least one record between any two.
    [[nodiscard]] std::span<const RecordRange> ranges() const { return {ranges_.data(), count_}; }

  private:
    void join_nearest();

    std::uint32_t count_;
    std::array<RecordRange, limits::record_errors_count_max> ranges_;
};

}  // namespace sluice
