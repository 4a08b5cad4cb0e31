#include "engine/ingest/record_ranges.hpp"

#include <algorithm>

#include "engine/core/check.hpp"

namespace sluice {

void RecordRanges::add(std::uint32_t first_index, std::uint32_t last_index) {
    CHECK(first_index <= last_index);
    RecordRange* const end = ranges_.data() + count_;
    RecordRange* const at = std::ranges::lower_bound(ranges_.data(), end, first_index, {},
                                                     [](const RecordRange& range) { return range.last_index + 1; });
    if (at == end || last_index + 1 < at->first_index) {
        if (count_ == ranges_.size()) {
            join_nearest();
            return add(first_index, last_index);  // ends: there is room now
        }
        std::copy_backward(at, end, end + 1);
        *at = {first_index, last_index};
        ++count_;
        return;
    }
    at->first_index = std::min(at->first_index, first_index);
    at->last_index = std::max(at->last_index, last_index);
    RecordRange* behind = at + 1;
    for (; behind != end && behind->first_index <= at->last_index + 1; ++behind)
        at->last_index = std::max(at->last_index, behind->last_index);
    count_ = static_cast<std::uint32_t>(std::copy(behind, end, at + 1) - ranges_.data());
}

void RecordRanges::join_nearest() {
    std::uint32_t nearest = 1;
    const auto gap_before = [this](std::uint32_t index) {
        return ranges_[index].first_index - ranges_[index - 1].last_index;
    };
    for (std::uint32_t index = 2; index < count_; ++index)
        if (gap_before(index) < gap_before(nearest)) nearest = index;
    ranges_[nearest - 1].last_index = ranges_[nearest].last_index;
    std::copy(ranges_.data() + nearest + 1, ranges_.data() + count_, ranges_.data() + nearest);
    --count_;
}

}  // namespace sluice
