// Verification: what was acknowledged against what is stored, sample by sample.
// One owner: the main thread of `sluice-load verify`.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace sluice::load {

// Of one device, or of all.
struct DeviceVerdict {
    std::uint64_t acknowledged = 0;
    std::uint64_t found = 0;           // acknowledged and stored
    std::uint64_t lost = 0;            // acknowledged and not stored
    std::uint64_t duplicated = 0;      // copies beyond the first, of any sample
    std::uint64_t reordered = 0;       // behind a later one of its device in the same key; see RequestSource
    std::uint64_t unacknowledged = 0;  // stored though no answer came: allowed, the answer may have been lost
    std::vector<std::uint64_t> lost_first;  // some of the lost: at most lost_shown_max
};
inline constexpr std::size_t lost_shown_max = 5;

class Verification {
  public:
    // All of it before the first find(). Memory grows with `first_seq`, which LedgerEntry bounds.
    void acknowledge(const std::string& device, std::uint64_t first_seq, std::uint64_t count);
    // In the order in which samples are stored, key by key: across keys there is none.
    void find(const std::string& device, std::uint64_t seq, std::size_t key_index = 0);

    [[nodiscard]] std::map<std::string, DeviceVerdict> by_device() const;
    // Samples found of devices that are not this ledger's: of other runs, or of real ones. They are in no verdict.
    [[nodiscard]] std::uint64_t others_count() const { return others_count_; }

  private:
    // A generator's seqs count from 0 without gap, so what is acknowledged is indexed by seq. What is stored may be
    // anybody's, with any seq: beyond found_near_count it is kept one by one.
    struct Device {
        std::vector<bool> is_acknowledged;
        std::vector<bool> is_found_near;  // by seq
        std::unordered_set<std::uint64_t> found_far;
        std::uint64_t copies = 0;  // beyond the first of each
        std::uint64_t found_max = 0;  // the greatest seq found so far in the key, if has_found
        std::size_t key_index = 0;
        bool has_found = false;
        std::uint64_t reordered_count = 0;

        bool add(std::uint64_t seq);  // false: it was found before
    };
    // What the devices of a run have in common: their names up to the number, and its digits.
    struct Naming {
        std::string prefix;
        std::size_t digits_count = 0;
        friend auto operator<=>(const Naming&, const Naming&) = default;
    };
    [[nodiscard]] static Naming naming_of(const std::string& device);
    static void judge(DeviceVerdict& verdict, std::uint64_t seq, bool is_acknowledged, bool is_found);

    std::map<std::string, Device> devices_;
    std::set<Naming> namings_;  // of the ledger's devices
    std::uint64_t others_count_ = 0;
};

[[nodiscard]] DeviceVerdict sum_of(const std::map<std::string, DeviceVerdict>& verdicts);

}  // namespace sluice::load
