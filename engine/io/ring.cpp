#include "engine/io/ring.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/descriptor.hpp"
#include "engine/core/units.hpp"
#include "engine/io/backend.hpp"
#include "engine/io/operation_result.hpp"

namespace sluice::io {
namespace {

constexpr std::uint32_t completions_per_submission = 8;
constexpr int refused_pause_ms = 1;
constexpr std::uint64_t waiting_retry_ns = 1'000'000;
// Accept, receive, send, shutdown, cancel and close. Room for all, so that no wait for room allocates.
constexpr std::size_t operations_per_slot_count_max = 6;

// In order of preference. CLAMP and CQSIZE exist since 5.5, SUBMIT_ALL since 5.18,
// TASKRUN_FLAG with COOP_TASKRUN since 5.19, SINGLE_ISSUER since 6.0, DEFER_TASKRUN since 6.1.
constexpr std::array<unsigned, 3> setup_flags{
    IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
        IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
        IORING_SETUP_TASKRUN_FLAG,
    IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE,
};

// The policy of kernel.io_uring_disabled (Linux 6.6): 0 all, 1 only io_uring_group, 2 nobody; -1 unknown.
int io_uring_disabled_sysctl() {
    std::FILE* file = std::fopen("/proc/sys/kernel/io_uring_disabled", "re");
    if (file == nullptr) return -1;
    int value = -1;
    if (std::fscanf(file, "%d", &value) != 1) value = -1;
    std::fclose(file);
    return value;
}

// Which of the two refused is not told: the limit of the user, or that of the machine or control group.
LoopError explain_no_memory(const std::string& cause, const LoopSettings& settings) {
    const std::uint64_t limit_bytes = locked_bytes_limit();
    if (limit_bytes == std::numeric_limits<std::uint64_t>::max())
        return {cause + "; there is no limit on locked memory, so the machine or its control group has none left", true,
                true};
    return {cause + "; the limit on locked memory is " + units::format(limit_bytes, units::sizes, "B") +
                ", and this event loop needs about " + units::format(locked_bytes_of(settings), units::sizes, "B") +
                " of it beside others of this user: raise the limit (ulimit -l, LimitMEMLOCK=)",
            true, true};
}

constexpr std::uint64_t whole_pages(std::uint64_t bytes) {
    constexpr std::uint64_t page_bytes = 4096;
    return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

}  // namespace

// The kernel's struct io_rings, then the completions, then one index for each submission; the submissions apart.
std::uint64_t locked_bytes_of(const LoopSettings& settings) {
    constexpr std::uint64_t heads_bytes = 320;
    const std::uint64_t entries_count = settings.ring_entries_count;
    const std::uint64_t completions_bytes = entries_count * completions_per_submission * sizeof(io_uring_cqe);
    return whole_pages(heads_bytes + completions_bytes + entries_count * sizeof(std::uint32_t)) +
           whole_pages(entries_count * sizeof(io_uring_sqe)) +
           whole_pages(settings.receive_buffers_count * sizeof(io_uring_buf));
}

std::uint64_t locked_bytes_limit() {
    rlimit limit{};
    const bool is_limited = ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return is_limited ? limit.rlim_cur : std::numeric_limits<std::uint64_t>::max();
}

LoopError explain_unavailable(int error, const LoopSettings& settings, const std::string& call) {
    const std::string cause = "io_uring is not available: " + call + " says " + std::strerror(error);
    const int sysctl = io_uring_disabled_sysctl();
    if (error == ENOSYS)
        return {cause +
                    "; this kernel has no io_uring (Linux 5.19 or newer with CONFIG_IO_URING is needed), "
                    "or a seccomp profile hides it, as those of containers do",
                true};
    if (error == EPERM && sysctl > 0)
        return {cause + "; sysctl kernel.io_uring_disabled is " + std::to_string(sysctl) +
                    ": set it to 0, or run as a member of kernel.io_uring_group if it is 1",
                true};
    if (error == EPERM)
        return {cause +
                    "; a seccomp profile or security module forbids it: allow io_uring_setup, io_uring_enter and "
                    "io_uring_register",
                true};
    if (error == ENOMEM) return explain_no_memory(cause, settings);
    return {cause, true};
}

std::expected<std::unique_ptr<Ring>, LoopError> Ring::open(const LoopSettings& settings) {
    std::unique_ptr<Ring> ring(new Ring);
    int result = -EINVAL;
    for (const unsigned flags : setup_flags) {
        if (settings.without_defer_taskrun && (flags & IORING_SETUP_DEFER_TASKRUN) != 0) continue;
        io_uring_params params{};
        params.flags = flags;
        params.cq_entries = settings.ring_entries_count * completions_per_submission;
        result = io_uring_queue_init_params(settings.ring_entries_count, &ring->ring_, &params);
        if (result == 0) break;
        if (result != -EINVAL) return std::unexpected(explain_unavailable(-result, settings));
    }
    if (result != 0) return std::unexpected(explain_unavailable(-result, settings));
    ring->waiting_.reserve(operations_per_slot_count_max * settings.slots_count_max);
    ring->probe(settings);
    if (const int refused = ring->features_.buffers_errno; refused != 0)
        return std::unexpected(explain_unavailable(refused, settings, register_call));
    return ring;
}

Ring::~Ring() {
    if (ring_.ring_fd > 0) io_uring_queue_exit(&ring_);
}

void Ring::probe(const LoopSettings& settings) {
    features_.defer_taskrun = (ring_.flags & IORING_SETUP_DEFER_TASKRUN) != 0;
    features_.registered_ring_fd = io_uring_register_ring_fd(&ring_) == 1;
    if (settings.without_buffer_ring) return;
    int error = 0;
    io_uring_buf_ring* buffers = io_uring_setup_buf_ring(&ring_, 8, 0xffff, 0, &error);
    features_.provided_buffers = buffers != nullptr;
    if (buffers == nullptr && error != -EINVAL) features_.buffers_errno = -error;  // EINVAL: before Linux 5.19
    if (buffers == nullptr) return;
    features_.receive_multishot = !settings.without_multishot && probe_receive_multishot();
    io_uring_free_buf_ring(&ring_, buffers, 8, 0xffff);
    features_.accept_direct = io_uring_register_files_sparse(&ring_, 1) == 0;
    if (features_.accept_direct) io_uring_unregister_files(&ring_);
}

// A multishot receive on a fresh socket pair with no buffer provided ends with ENOBUFS where it is known, and
// with EINVAL where it is not.
bool Ring::probe_receive_multishot() {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return false;
    const Descriptor reader(pair[0]);
    const Descriptor writer(pair[1]);
    const char byte = 0;
    CHECK(::write(writer.get(), &byte, 1) == 1);
    io_uring_sqe* sqe = submission();
    io_uring_prep_recv_multishot(sqe, reader.get(), nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0xffff;
    io_uring_cqe* cqe = nullptr;
    io_uring_submit_and_wait(&ring_, 1);
    const bool known = io_uring_wait_cqe(&ring_, &cqe) == 0 && cqe->res == -ENOBUFS;
    if (cqe != nullptr) io_uring_cqe_seen(&ring_, cqe);
    return known;
}

io_uring_sqe* Ring::submission() {
    if (waiting_.empty() || queue_waiting()) {
        io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
        if (sqe == nullptr && submit()) sqe = io_uring_get_sqe(&ring_);
        if (sqe != nullptr) return sqe;
    }
    return &waiting_.emplace_back();
}

// Moves waiting entries to the submission queue, as many as the kernel makes room for. Ends: each turn moves one, or is
// the last.
bool Ring::queue_waiting() {
    std::size_t moved_count = 0;
    while (moved_count < waiting_.size()) {
        io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
        if (sqe == nullptr && submit()) sqe = io_uring_get_sqe(&ring_);
        if (sqe == nullptr) break;
        *sqe = waiting_[moved_count++];
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(moved_count));
    return waiting_.empty();
}

bool Ring::submit() {
    const int result = io_uring_submit(&ring_);
    judge(result);
    return result > 0;
}

// The latest of several that have the same user data.
std::optional<int> Ring::submit_and_find(std::uint64_t user_data) {
    submit();
    std::optional<int> result;
    unsigned head = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring_, head, cqe) {
        if (cqe->user_data == user_data) result = cqe->res;
    }
    return result;
}

void Ring::judge(int result) {
    switch (enter_outcome(result)) {
        case EnterOutcome::done:
        case EnterOutcome::again: break;
        case EnterOutcome::lost: ++losses_count_; break;
        case EnterOutcome::fatal: CHECK(false && "io_uring_enter(2) does not know our ring");
    }
}

void Ring::submit_and_wait(std::uint64_t timeout_ns, std::uint32_t completions_count) {
    if (!queue_waiting()) {  // the rest must go soon, whatever comes
        timeout_ns = timeout_ns == 0 ? waiting_retry_ns : std::min(timeout_ns, waiting_retry_ns);
        completions_count = 1;
    }
    io_uring_cqe* cqe = nullptr;
    int result = 0;
    if (timeout_ns != 0) {
        __kernel_timespec timeout{};
        timeout.tv_sec = static_cast<long long>(timeout_ns / 1'000'000'000);
        timeout.tv_nsec = static_cast<long long>(timeout_ns % 1'000'000'000);
        result = io_uring_submit_and_wait_timeout(&ring_, &cqe, completions_count, &timeout, nullptr);
    } else {
        result = io_uring_submit_and_wait(&ring_, completions_count);
    }
    judge(result);
    // Without memory the kernel does not wait, and asking again at once would keep this core busy.
    const bool is_refused = result < 0 && enter_outcome(result) == EnterOutcome::again && result != -EINTR;
    if (is_refused && io_uring_cq_ready(&ring_) == 0) ::poll(nullptr, 0, refused_pause_ms);
}

// Work that DEFER_TASKRUN has put off is told of by TASKRUN_FLAG, and io_uring_get_events(3) runs it. The flag may be
// stale: the kernel raises it after it has queued the work, which this thread may have run in between. So it ends no
// wait by itself.
void Ring::submit_and_poll(std::uint64_t deadline_ns) {
    queue_waiting();
    submit();
    do {
        const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
        if ((flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0) judge(io_uring_get_events(&ring_));
    } while (io_uring_cq_ready(&ring_) == 0 && monotonic_ns() < deadline_ns);
}

std::string Ring::mode() const {
    std::string mode = features_.defer_taskrun ? "defer_taskrun" : "plain";
    mode += features_.receive_multishot ? "+recv_multishot" : "+recv_oneshot";
    mode += features_.provided_buffers ? "+buffer_ring" : "+own_buffers";
    mode += features_.accept_direct ? "+accept_direct" : "+accept";
    if (features_.registered_ring_fd) mode += "+ring_fd";
    return mode;
}

}  // namespace sluice::io
