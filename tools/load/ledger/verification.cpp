#include "tools/load/ledger/verification.hpp"

#include <algorithm>
#include <limits>

namespace sluice::load {
namespace {

template <typename Vector>
void grow(Vector& vector, std::uint64_t size) {
    if (vector.size() < size) vector.resize(size);
}

}  // namespace

void Verification::acknowledge(const std::string& device, std::uint64_t first_seq, std::uint64_t count) {
    Device& one = devices_[device];
    grow(one.is_acknowledged, first_seq + count);
    for (std::uint64_t seq = first_seq; seq < first_seq + count; ++seq) one.is_acknowledged[seq] = true;
}

void Verification::find(const std::string& device, std::uint64_t seq) {
    Device& one = devices_[device];
    grow(one.found_counts, seq + 1);
    std::uint8_t& count = one.found_counts[seq];
    if (count == 0 && seq < one.seq_next_min) ++one.reordered;
    if (count < std::numeric_limits<std::uint8_t>::max()) ++count;
    one.seq_next_min = std::max(one.seq_next_min, seq + 1);
}

std::map<std::string, DeviceVerdict> Verification::by_device() const {
    std::map<std::string, DeviceVerdict> verdicts;
    for (const auto& [name, device] : devices_) {
        DeviceVerdict& verdict = verdicts[name];
        verdict.reordered = device.reordered;
        const std::size_t count = std::max(device.is_acknowledged.size(), device.found_counts.size());
        for (std::size_t seq = 0; seq < count; ++seq) {
            const bool is_acknowledged = seq < device.is_acknowledged.size() && device.is_acknowledged[seq];
            const std::uint8_t copies = seq < device.found_counts.size() ? device.found_counts[seq] : std::uint8_t{0};
            verdict.acknowledged += is_acknowledged ? 1 : 0;
            verdict.found += is_acknowledged && copies != 0 ? 1 : 0;
            verdict.unacknowledged += !is_acknowledged && copies != 0 ? 1 : 0;
            verdict.duplicated += copies > 1 ? copies - 1u : 0u;
            if (!is_acknowledged || copies != 0) continue;
            if (++verdict.lost <= lost_shown_max) verdict.lost_first.push_back(seq);
        }
    }
    return verdicts;
}

DeviceVerdict sum_of(const std::map<std::string, DeviceVerdict>& verdicts) {
    DeviceVerdict sum;
    for (const auto& [name, verdict] : verdicts) {
        sum.acknowledged += verdict.acknowledged;
        sum.found += verdict.found;
        sum.lost += verdict.lost;
        sum.duplicated += verdict.duplicated;
        sum.reordered += verdict.reordered;
        sum.unacknowledged += verdict.unacknowledged;
    }
    return sum;
}

}  // namespace sluice::load
