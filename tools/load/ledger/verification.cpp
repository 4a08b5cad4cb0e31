#include "tools/load/ledger/verification.hpp"

#include <algorithm>

namespace sluice::load {
namespace {

constexpr std::uint64_t found_near_count = std::uint64_t{1} << 16;

}  // namespace

Verification::Naming Verification::naming_of(const std::string& device) {
    const std::size_t last = device.find_last_not_of("0123456789");
    const std::size_t end = last == std::string::npos ? 0 : last + 1;
    return {device.substr(0, end), device.size() - end};
}

void Verification::acknowledge(const std::string& device, std::uint64_t first_seq, std::uint64_t count) {
    if (!devices_.contains(device)) namings_.insert(naming_of(device));
    Device& one = devices_[device];
    const std::uint64_t end = first_seq + count;
    if (one.is_acknowledged.size() < end) one.is_acknowledged.resize(end);
    for (std::uint64_t seq = first_seq; seq < end; ++seq) one.is_acknowledged[seq] = true;
}

void Verification::find(const std::string& device, std::uint64_t seq, std::size_t key_index) {
    // One of which nothing was acknowledged is of this run if it is called as the others are.
    if (!devices_.contains(device) && !namings_.contains(naming_of(device))) {
        ++others_count_;
        return;
    }
    Device& one = devices_[device];
    if (one.key_index != key_index) one.has_found = false;
    one.key_index = key_index;
    if (!one.add(seq)) ++one.copies;
    else if (one.has_found && seq < one.found_max) ++one.reordered_count;
    one.found_max = one.has_found ? std::max(one.found_max, seq) : seq;
    one.has_found = true;
}

bool Verification::Device::add(std::uint64_t seq) {
    if (seq >= std::max<std::uint64_t>(is_acknowledged.size(), found_near_count)) return found_far.insert(seq).second;
    if (is_found_near.size() <= seq) is_found_near.resize(seq + 1);
    if (is_found_near[seq]) return false;
    is_found_near[seq] = true;
    return true;
}

void Verification::judge(DeviceVerdict& verdict, std::uint64_t seq, bool is_acknowledged, bool is_found) {
    verdict.acknowledged += is_acknowledged ? 1 : 0;
    verdict.found += is_acknowledged && is_found ? 1 : 0;
    verdict.unacknowledged += !is_acknowledged && is_found ? 1 : 0;
    if (!is_acknowledged || is_found) return;
    if (++verdict.lost <= lost_shown_max) verdict.lost_first.push_back(seq);
}

std::map<std::string, DeviceVerdict> Verification::by_device() const {
    std::map<std::string, DeviceVerdict> verdicts;
    for (const auto& [name, device] : devices_) {
        DeviceVerdict& verdict = verdicts[name];
        verdict.reordered = device.reordered_count;
        verdict.duplicated = device.copies;
        const std::uint64_t count = std::max(device.is_acknowledged.size(), device.is_found_near.size());
        for (std::uint64_t seq = 0; seq < count; ++seq) {
            const bool is_acknowledged = seq < device.is_acknowledged.size() && device.is_acknowledged[seq];
            judge(verdict, seq, is_acknowledged, seq < device.is_found_near.size() && device.is_found_near[seq]);
        }
        for (const std::uint64_t seq : device.found_far) judge(verdict, seq, false, true);
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
