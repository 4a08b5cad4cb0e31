#include "engine/io/uring_loop.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"

namespace sluice::io {
namespace {

// A loop is busy when its last iteration read from this many connections: then more are about to follow.
constexpr std::uint32_t busy_receives_count = 4;
// How many completions a busy loop waits for, beyond those of its own sends: about twice what came last, so that
// the number grows while more is there, within what the kernel hands out in one go (20 items a wait since 6.13).
constexpr std::uint32_t gather_completions_min = 8;
constexpr std::uint32_t gather_completions_max = 32;

std::uint32_t descriptors_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    return static_cast<std::uint32_t>(std::min<rlim_t>(limit.rlim_cur, 1u << 30));
}

}  // namespace

std::expected<std::unique_ptr<Loop>, LoopError> UringLoop::open(const LoopSettings& settings, Events& events) {
    auto ring = Ring::open(settings);
    if (!ring) return std::unexpected(ring.error());
    std::unique_ptr<UringLoop> loop(new UringLoop(settings, events, std::move(*ring)));
    if (!loop->set_up()) return std::unexpected(LoopError{"the event loop could not be set up: no eventfd", false});
    return loop;
}

UringLoop::UringLoop(const LoopSettings& settings, Events& events, std::unique_ptr<Ring> ring)
    : settings_(settings), events_(events), ring_(std::move(ring)), sockets_(settings.slots_count_max) {}

UringLoop::~UringLoop() {
    for (Slot slot = 0; !direct_ && slot < settings_.slots_count_max; ++slot)
        if (sockets_[slot].open) ::close(sockets_[slot].fd);
    buffers_.reset();
    if (wake_fd_ >= 0) ::close(wake_fd_);
}

bool UringLoop::set_up() {
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC);
    if (wake_fd_ < 0) return false;
    choose_receive_mode();
    register_slots();
    starved_.reserve(settings_.slots_count_max);
    starved_before_.reserve(settings_.slots_count_max);
    mode_ = ring_->mode();
    if (receive_mode_ == ReceiveMode::poll) mode_ += " receive=poll";
    arm_wake();
    iteration_end_ns_ = monotonic_ns();
    return true;
}

void UringLoop::choose_receive_mode() {
    const RingFeatures& features = ring_->features();
    if (features.provided_buffers)
        buffers_ = BufferRing::open(ring_->raw(), settings_.receive_buffers_count, settings_.receive_buffer_bytes,
                                    settings_.padding_bytes);
    if (buffers_ == nullptr) {
        receive_mode_ = ReceiveMode::poll;
        scratch_.resize(settings_.receive_buffer_bytes + settings_.padding_bytes);
    } else {
        receive_mode_ = features.receive_multishot ? ReceiveMode::multishot : ReceiveMode::oneshot;
    }
}

// A table of direct descriptors may not be larger than RLIMIT_NOFILE (io_uring_register_files_sparse(3)), so a low
// limit lowers the number of connections. recv(2) after a poll needs an ordinary descriptor.
void UringLoop::register_slots() {
    const std::uint32_t count = std::min(settings_.slots_count_max, descriptors_limit());
    direct_ = receive_mode_ != ReceiveMode::poll && ring_->features().accept_direct &&
              io_uring_register_files_sparse(ring_->raw(), count) == 0;
    settings_.slots_count_max = count;
    if (direct_) return;
    free_slots_.reserve(count);
    for (Slot slot = count; slot-- > 0;) free_slots_.push_back(slot);
}

// --- submissions ------------------------------------------------------------------------------------

int UringLoop::target(Slot slot) const { return direct_ ? static_cast<int>(slot) : sockets_[slot].fd; }

// Completes a prepared entry for a socket: user data, and the count that close() waits for.
void UringLoop::commit(io_uring_sqe* sqe, Operation operation, Slot slot) {
    if (direct_ && operation != Operation::close && operation != Operation::cancel) sqe->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data64(sqe, encode({operation, sockets_[slot].generation, slot}));
    ++sockets_[slot].operations_count;
}

void UringLoop::listen(int listener_fd) {
    listener_fd_ = listener_fd;
    listening_ = true;
    arm_accept();
}

void UringLoop::stop_listening() {
    listening_ = false;
    accept_retry_ns_ = 0;
    if (accept_armed_) cancel_accept();
}

void UringLoop::arm_accept() {
    io_uring_sqe* sqe = ring_->submission();
    accept_is_multishot_ = may_accept_many();
    if (direct_ && accept_is_multishot_) io_uring_prep_multishot_accept_direct(sqe, listener_fd_, nullptr, nullptr, 0);
    else if (direct_) io_uring_prep_accept_direct(sqe, listener_fd_, nullptr, nullptr, 0, IORING_FILE_INDEX_ALLOC);
    else if (accept_is_multishot_) io_uring_prep_multishot_accept(sqe, listener_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    else io_uring_prep_accept(sqe, listener_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(sqe, encode({Operation::accept, 0, 0}));
    accept_armed_ = true;
}

void UringLoop::cancel_accept() {
    accept_is_multishot_ = false;
    io_uring_sqe* sqe = ring_->submission();
    io_uring_prep_cancel64(sqe, encode({Operation::accept, 0, 0}), 0);
    io_uring_sqe_set_data64(sqe, encode({Operation::cancel, generation_mask, 0}));
}

void UringLoop::arm_wake() {
    io_uring_sqe* sqe = ring_->submission();
    io_uring_prep_read(sqe, wake_fd_, &wake_value_, sizeof wake_value_, 0);
    io_uring_sqe_set_data64(sqe, encode({Operation::wake, 0, 0}));
}

void UringLoop::arm_receive(Slot slot) {
    Socket& socket = sockets_[slot];
    if (socket.receive_armed || socket.closing) return;
    io_uring_sqe* sqe = ring_->submission();
    switch (receive_mode_) {
        case ReceiveMode::multishot: io_uring_prep_recv_multishot(sqe, target(slot), nullptr, 0, 0); break;
        case ReceiveMode::oneshot: io_uring_prep_recv(sqe, target(slot), nullptr, 0, 0); break;
        case ReceiveMode::poll: io_uring_prep_poll_add(sqe, target(slot), POLLIN); break;
    }
    if (receive_mode_ != ReceiveMode::poll) {
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = BufferRing::group_id;
    }
    commit(sqe, Operation::receive, slot);
    socket.receive_armed = true;
}

void UringLoop::cancel_receive(Slot slot) {
    Socket& socket = sockets_[slot];
    if (!socket.receive_armed || socket.receive_cancel_in_flight) return;
    io_uring_sqe* sqe = ring_->submission();
    io_uring_prep_cancel64(sqe, encode({Operation::receive, socket.generation, slot}), 0);
    commit(sqe, Operation::cancel, slot);
    socket.receive_cancel_in_flight = true;
}

void UringLoop::pause_receive(Slot slot) {
    sockets_[slot].receive_wanted = false;
    cancel_receive(slot);
}

void UringLoop::resume_receive(Slot slot) {
    Socket& socket = sockets_[slot];
    socket.receive_wanted = true;
    if (!socket.starved) arm_receive(slot);
}

void UringLoop::send(Slot slot, std::span<const char> bytes) {
    Socket& socket = sockets_[slot];
    CHECK(socket.open && !socket.closing && socket.send_begin == nullptr && !bytes.empty());
    socket.send_begin = bytes.data();
    socket.send_bytes = static_cast<std::uint32_t>(bytes.size());
    set_unanswered(slot, false);
    arm_send(slot);
}

void UringLoop::set_unanswered(Slot slot, bool unanswered) {
    if (sockets_[slot].unanswered == unanswered) return;
    sockets_[slot].unanswered = unanswered;
    unanswered_count_ += unanswered ? 1u : -1u;
}

void UringLoop::arm_send(Slot slot) {
    const Socket& socket = sockets_[slot];
    io_uring_sqe* sqe = ring_->submission();
    io_uring_prep_send(sqe, target(slot), socket.send_begin, socket.send_bytes, MSG_NOSIGNAL | MSG_WAITALL);
    commit(sqe, Operation::send, slot);
}

void UringLoop::shutdown_send(Slot slot) {
    if (sockets_[slot].closing) return;
    io_uring_sqe* sqe = ring_->submission();
    io_uring_prep_shutdown(sqe, target(slot), SHUT_WR);
    commit(sqe, Operation::shutdown, slot);
}

void UringLoop::close(Slot slot) {
    Socket& socket = sockets_[slot];
    CHECK(socket.open);
    if (socket.closing) return;
    socket.closing = true;
    socket.receive_wanted = false;
    if (socket.operations_count != 0) {
        io_uring_sqe* sqe = ring_->submission();
        io_uring_prep_cancel_fd(sqe, target(slot),
                                IORING_ASYNC_CANCEL_ALL | (direct_ ? IORING_ASYNC_CANCEL_FD_FIXED : 0u));
        commit(sqe, Operation::cancel, slot);
    }
    close_when_quiet(slot);
}

void UringLoop::close_when_quiet(Slot slot) {
    Socket& socket = sockets_[slot];
    if (!socket.closing || socket.close_submitted || socket.operations_count != 0) return;
    io_uring_sqe* sqe = ring_->submission();
    if (direct_) io_uring_prep_close_direct(sqe, slot);
    else io_uring_prep_close(sqe, socket.fd);
    commit(sqe, Operation::close, slot);
    socket.close_submitted = true;
}

void UringLoop::wake() {
    const std::uint64_t one = 1;
    // The counter of an eventfd is full only after 2^64 - 2 wakes; the write cannot block.
    CHECK(::write(wake_fd_, &one, sizeof one) == sizeof one);
}

// --- one iteration -----------------------------------------------------------------------------------

std::uint64_t UringLoop::wait_ns(std::uint64_t deadline_ns, std::uint64_t now_ns) const {
    std::uint64_t until_ns = deadline_ns;
    if (accept_retry_ns_ != 0 && (until_ns == 0 || accept_retry_ns_ < until_ns)) until_ns = accept_retry_ns_;
    if (until_ns == 0) return 0;
    return until_ns > now_ns ? until_ns - now_ns : 1;
}

// A busy loop lets completions gather for a moment, since handling many at once costs less than one at a time; the
// first wait that brings nothing ends that, and the loop sleeps until something comes.
// Rejected: io_uring_submit_and_wait_min_timeout(3), which does this in one call. With DEFER_TASKRUN on Linux 6.18 a
// wait for 64 completions without an overall timeout missed the wake-up of a single one, for ever.
void UringLoop::wait(std::uint64_t deadline_ns) {
    const std::uint64_t timeout_ns = wait_ns(deadline_ns, iteration_end_ns_);
    const std::uint32_t gatherable = gatherable_count();
    const bool may_gather =
        gatherable > 1 && settings_.busy_wait_ns != 0 && (timeout_ns == 0 || timeout_ns > settings_.busy_wait_ns);
    if (may_gather) ring_->submit_and_wait(settings_.busy_wait_ns, ring_->queued_count() + gatherable);
    else ring_->submit_and_wait(timeout_ns, 1);
}

// How many completions to wait for; 0 or 1: not to gather.
std::uint32_t UringLoop::gatherable_count() const {
    if (receives_last_count_ < busy_receives_count) return 0;
    // A client whose request is not answered yet sends nothing; its answer may come from another thread, by a wake-up,
    // which would be kept waiting. Of the others half, as some answers are still on their way.
    const auto possible = static_cast<std::uint32_t>((counters_.open_slots - unanswered_count_) / 2);
    return std::min(possible, std::clamp(2 * receives_last_count_, gather_completions_min, gather_completions_max));
}

void UringLoop::run_once(std::uint64_t deadline_ns) {
    end_iteration();
    wait(deadline_ns);
    now_ns_ = monotonic_ns();
    events_.on_iteration(now_ns_);

    const std::uint64_t receives_before = counters_.receives;
    unsigned head = 0;
    std::uint32_t completions_count = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(ring_->raw(), head, cqe) {
        dispatch(cqe->user_data, cqe->res, cqe->flags);
        ++completions_count;
    }
    io_uring_cq_advance(ring_->raw(), completions_count);
    receives_last_count_ = static_cast<std::uint32_t>(counters_.receives - receives_before);
    if (buffers_ != nullptr) buffers_->publish();
    rearm_starved();
    accept_if_possible();
    events_.on_iteration_end();
}

// What its owner does between two calls counts, too: nothing may keep clients waiting.
void UringLoop::end_iteration() {
    iteration_end_ns_ = monotonic_ns();
    if (now_ns_ == 0) return;  // there was none yet
    ++counters_.iterations;
    counters_.iteration_ns_last = iteration_end_ns_ - now_ns_;
    counters_.iteration_ns_max = std::max(counters_.iteration_ns_max, counters_.iteration_ns_last);
}

}  // namespace sluice::io
