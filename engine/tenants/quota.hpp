// Quota: how much of something a tenant may bring in a second, over all reactors.
//
// A token bucket that runs into debt: a request is let in if the bucket holds anything, and then charged in full. So
// one that is larger than the burst passes, once, and what it took has to come back before the next one does.
//
// The bucket is kept as a time: when it was empty, or will be (SharedBucket). It holds what has flowed in since, at
// most the burst. So time and level are one atomic. Each reactor borrows a slice of 10 ms (LocalBucket) and pays from
// it, so that reactors meet at the atomic a hundred times a second each, and at every request only while there is debt.
// What reactors hold in slices is the error: at most reactors × slice over any time.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace sluice::tenants {

struct Rate {
    double per_s = 0;  // 0: there is no bound
    std::uint64_t burst_ns = 0;  // the bucket holds what flows in this time; at least a slice

    [[nodiscard]] bool is_bounded() const { return per_s != 0; }
    [[nodiscard]] double ns_of(double units) const { return units * 1e9 / per_s; }
};

// Of all reactors; any thread. Times are monotonic. Relaxed: nothing else is read by what it says.
class SharedBucket {
  public:
    // Takes up to `wanted_ns` of flow, as much as is there; 0: it is empty, or in debt.
    [[nodiscard]] std::uint64_t borrow(std::uint64_t wanted_ns, const Rate& rate, std::uint64_t now_ns) {
        std::uint64_t empty_ns = empty_ns_.load(std::memory_order_relaxed);
        for (;;) {  // ends: another thread's success changes `empty_ns`, and there are few threads
            const std::uint64_t begin_ns = std::max(empty_ns, now_ns - std::min(now_ns, rate.burst_ns));
            if (begin_ns >= now_ns) return 0;
            const std::uint64_t taken_ns = std::min(wanted_ns, now_ns - begin_ns);
            if (empty_ns_.compare_exchange_weak(empty_ns, begin_ns + taken_ns, std::memory_order_relaxed))
                return taken_ns;
        }
    }
    // Into debt if need be; the debt is at most debt_ns_max.
    void take(std::uint64_t ns, const Rate& rate, std::uint64_t now_ns) {
        std::uint64_t empty_ns = empty_ns_.load(std::memory_order_relaxed);
        std::uint64_t next_ns = 0;
        do {  // ends: as above
            const std::uint64_t begin_ns = std::max(empty_ns, now_ns - std::min(now_ns, rate.burst_ns));
            next_ns = std::min(begin_ns + std::min(ns, debt_ns_max), std::max(begin_ns, now_ns + debt_ns_max));
        } while (!empty_ns_.compare_exchange_weak(empty_ns, next_ns, std::memory_order_relaxed));
    }
    // Whether it holds anything.
    [[nodiscard]] bool is_open(std::uint64_t now_ns) const {
        return empty_ns_.load(std::memory_order_relaxed) < now_ns;
    }
    // What it holds, as the time in which that flows in.
    [[nodiscard]] std::uint64_t level_ns(const Rate& rate, std::uint64_t now_ns) const {
        const std::uint64_t empty_ns = empty_ns_.load(std::memory_order_relaxed);
        const std::uint64_t begin_ns = std::max(empty_ns, now_ns - std::min(now_ns, rate.burst_ns));
        return begin_ns < now_ns ? now_ns - begin_ns : 0;
    }
    // It is another's now, and full.
    void refill() { empty_ns_.store(0, std::memory_order_relaxed); }
    // Until it holds something again; 0: it does.
    [[nodiscard]] std::uint64_t wait_ns(std::uint64_t now_ns) const {
        const std::uint64_t empty_ns = empty_ns_.load(std::memory_order_relaxed);
        return empty_ns > now_ns ? empty_ns - now_ns : 0;
    }

    // A tenant that has brought ten hours' worth at once waits no longer than that.
    static constexpr std::uint64_t debt_ns_max = std::uint64_t{36'000} * 1'000'000'000;

  private:
    std::atomic<std::uint64_t> empty_ns_{0};
};

// A reactor's part of it. One owner thread.
class LocalBucket {
  public:
    static constexpr std::uint64_t slice_ns = 10'000'000;

    // Whether anything is there. Borrows a slice if none is left.
    [[nodiscard]] bool is_open(SharedBucket& shared, const Rate& rate, std::uint64_t now_ns) {
        if (left_ns_ > 0) return true;
        left_ns_ = static_cast<double>(shared.borrow(slice_ns, rate, now_ns));
        return left_ns_ > 0;
    }
    // What the slice does not pay for is all reactors' debt.
    void charge(double units, SharedBucket& shared, const Rate& rate, std::uint64_t now_ns) {
        left_ns_ -= rate.ns_of(units);
        if (left_ns_ >= 0) return;
        const double debt_ns = std::min(-left_ns_, static_cast<double>(SharedBucket::debt_ns_max));
        shared.take(static_cast<std::uint64_t>(debt_ns), rate, now_ns);
        left_ns_ += static_cast<double>(static_cast<std::uint64_t>(debt_ns));  // a fraction of 1 ns stays
        left_ns_ = std::max(left_ns_, -1.0);
    }

    // Of the slice.
    [[nodiscard]] double left_ns() const { return std::max(left_ns_, 0.0); }

  private:
    double left_ns_ = 0;
};

}  // namespace sluice::tenants
