// Verification: what was acknowledged against what is stored, sample by sample.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::load {

// Of one device, or of all.
struct DeviceVerdict {
    std::uint64_t acknowledged = 0;
    std::uint64_t found = 0;           // acknowledged and stored
    std::uint64_t lost = 0;            // acknowledged and not stored
    std::uint64_t duplicated = 0;      // copies beyond the first, of any sample
    std::uint64_t reordered = 0;       // stored behind a later one of the same device
    std::uint64_t unacknowledged = 0;  // stored though no answer came: allowed, the answer may have been lost
    std::vector<std::uint64_t> lost_first;  // some of the lost: at most lost_shown_max
};
inline constexpr std::size_t lost_shown_max = 5;

class Verification {
  public:
    void acknowledge(const std::string& device, std::uint64_t first_seq, std::uint64_t count);
    // In the order in which samples are stored.
    void find(const std::string& device, std::uint64_t seq);

    [[nodiscard]] std::map<std::string, DeviceVerdict> by_device() const;

  private:
    // Indexed by seq, which counts from 0 without gap.
    struct Device {
        std::vector<bool> is_acknowledged;
        std::vector<std::uint8_t> found_counts;  // saturate
        std::uint64_t seq_next_min = 0;          // beyond the greatest found so far
        std::uint64_t reordered = 0;
    };
    std::map<std::string, Device> devices_;
};

[[nodiscard]] DeviceVerdict sum_of(const std::map<std::string, DeviceVerdict>& verdicts);

}  // namespace sluice::load
