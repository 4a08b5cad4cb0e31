#include "tools/load/ledger/verification.hpp"

#include <algorithm>
#include <limits>

namespace sluice::load {
namespace {

constexpr std::uint64_t found_near_count = std::uint64_t{1} << 16;

}  // namespace

void Verification::acknowledge(const std::string& device, std::uint64_t first_seq, std::uint64_t count) {
    Device& one = devices_[device];
    const std::uint64_t end = first_seq + count;
    if (one.is_acknowledged.size() < end) one.is_acknowledged.resize(end);
    for (std::uint64_t seq = first_seq; seq < end; ++seq) one.is_acknowledged[seq] = true;
}

void Verification::find(const std::string& device, std::uint64_t seq) {
    Device& one = devices_[device];
    const bool is_near = seq < std::max<std::uint64_t>(one.is_acknowledged.size(), found_near_count);
    if (is_near && one.found_near.size() <= seq) one.found_near.resize(seq + 1);
    std::uint8_t& count = is_near ? one.found_near[seq] : one.found_far[seq];
    if (count == 0 && one.has_found && seq < one.found_max) ++one.reordered;
    if (count < std::numeric_limits<std::uint8_t>::max()) ++count;
    one.found_max = std::max(one.found_max, seq);
    one.has_found = true;
}

void Verification::judge(DeviceVerdict& verdict, std::uint64_t seq, bool is_acknowledged, std::uint8_t copies) {
    verdict.acknowledged += is_acknowledged ? 1 : 0;
    verdict.found += is_acknowledged && copies != 0 ? 1 : 0;
    verdict.unacknowledged += !is_acknowledged && copies != 0 ? 1 : 0;
    verdict.duplicated += copies > 1 ? copies - 1u : 0u;
    if (!is_acknowledged || copies != 0) return;
    if (++verdict.lost <= lost_shown_max) verdict.lost_first.push_back(seq);
}

std::map<std::string, DeviceVerdict> Verification::by_device() const {
    std::map<std::string, DeviceVerdict> verdicts;
    for (const auto& [name, device] : devices_) {
        DeviceVerdict& verdict = verdicts[name];
        verdict.reordered = device.reordered;
        const std::uint64_t count = std::max(device.is_acknowledged.size(), device.found_near.size());
        for (std::uint64_t seq = 0; seq < count; ++seq) {
            const bool is_acknowledged = seq < device.is_acknowledged.size() && device.is_acknowledged[seq];
            judge(verdict, seq, is_acknowledged,
                  seq < device.found_near.size() ? device.found_near[seq] : std::uint8_t{0});
        }
        for (const auto& [seq, copies] : device.found_far) judge(verdict, seq, false, copies);
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
