// Ring: owns one io_uring, made on the thread that uses it, with the best mode that this kernel offers.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/loop.hpp"

namespace sluice::io {

inline constexpr const char* register_call = "io_uring_register";  // in sentences

// What the kernel was found to offer, by trying it (a version number does not tell: features are patched
// in, out, and forbidden by policies).
struct RingFeatures {
    bool defer_taskrun = false;       // Linux 6.1: completions run only when this thread asks for them
    bool provided_buffers = false;    // Linux 5.19: buffer rings
    bool receive_multishot = false;   // Linux 6.0
    bool accept_direct = false;       // Linux 5.19: accepted sockets never enter the process's fd table
    bool registered_ring_fd = false;  // Linux 5.18
    int buffers_errno = 0;            // why the kernel refused a buffer ring that it knows; 0: it did not
};

class Ring {
  public:
    // SINGLE_ISSUER | DEFER_TASKRUN | SUBMIT_ALL | CQSIZE | CLAMP | TASKRUN_FLAG, then with fewer flags. The completion
    // queue is 8 × as long as the submission queue: one multishot receive makes many completions.
    [[nodiscard]] static std::expected<std::unique_ptr<Ring>, LoopError> open(const LoopSettings& settings);
    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    // A submission entry, to be prepared before the next call. Submits what is queued if the queue is full. Where the
    // kernel takes nothing (it wants completions reaped first, or has no memory), the entry waits in a list of the
    // ring's own, and is submitted by a later call, in order. Callers bound that list: they have a bounded number of
    // operations in flight (a loop: seven a slot).
    [[nodiscard]] io_uring_sqe* submission();

    // Submits, then waits for `completions_count` completions, until `timeout_ns` at most (0: for ever).
    void submit_and_wait(std::uint64_t timeout_ns, std::uint32_t completions_count);
    // Submits what is queued, and returns the result of `user_data` if that operation was done at once. The completion
    // stays where it is, and is seen by the loop in its turn.
    [[nodiscard]] std::optional<int> submit_and_find(std::uint64_t user_data);
    // Entries that the next submit_and_wait() will submit.
    [[nodiscard]] std::uint32_t queued_count() const {
        return io_uring_sq_ready(&ring_) + static_cast<std::uint32_t>(waiting_.size());
    }
    // Times that completions were lost since the last call (see EnterOutcome::lost).
    [[nodiscard]] std::uint64_t take_losses_count() { return std::exchange(losses_count_, 0); }
    // Submits, then polls for completions until `deadline_ns` (monotonic) without sleeping.
    void submit_and_poll(std::uint64_t deadline_ns);

    [[nodiscard]] io_uring* raw() { return &ring_; }
    [[nodiscard]] const RingFeatures& features() const { return features_; }
    [[nodiscard]] std::string mode() const;

  private:
    Ring() = default;
    void probe(const LoopSettings& settings);
    [[nodiscard]] bool probe_receive_multishot();
    // Both return whether the kernel took what it was given.
    bool submit();
    bool queue_waiting();
    void judge(int result);

    io_uring ring_{};
    std::vector<io_uring_sqe> waiting_;  // entries for which the submission queue had no room, in order
    std::uint64_t losses_count_ = 0;
    RingFeatures features_;
};

// Turns the errno of a call of io_uring into a sentence that says which obstacle it is and what to do. `settings` are
// those of the loop that could not be made.
[[nodiscard]] LoopError explain_unavailable(int error, const LoopSettings& settings,
                                            const std::string& call = "io_uring_setup");

}  // namespace sluice::io
