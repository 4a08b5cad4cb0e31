#include "engine/io/uring_loop.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/io/peer_name.hpp"
#include "engine/io/send_queue.hpp"

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

constexpr Operation receive_operation(bool is_poll) { return is_poll ? Operation::poll : Operation::receive; }

}  // namespace

std::expected<std::unique_ptr<Loop>, LoopError> UringLoop::open(const LoopSettings& settings, Events& events) {
    auto ring = Ring::open(settings);
    if (!ring) return std::unexpected(ring.error());
    auto waker = Waker::open(Waker::Read::waits);
    if (!waker) return std::unexpected(LoopError{"the event loop could not be set up: no eventfd", false});
    std::unique_ptr<UringLoop> loop(new UringLoop(settings, events, std::move(*waker), std::move(*ring)));
    if (auto ready = loop->set_up(); !ready) return std::unexpected(ready.error());
    return loop;
}

UringLoop::UringLoop(const LoopSettings& settings, Events& events, Waker waker, std::unique_ptr<Ring> ring)
    : LoopBase(settings, events, std::move(waker), ring->mode()),
      ring_(std::move(ring)),
      sockets_(settings.slots_count_max),
      descriptors_(settings.slots_count_max) {}

// The buffers belong to the ring, which must outlive them.
UringLoop::~UringLoop() { buffers_.reset(); }

std::expected<void, LoopError> UringLoop::set_up() {
    if (auto chosen = choose_receive_mode(); !chosen) return chosen;
    register_slots();
    starved_.reserve(settings_.slots_count_max);
    starved_before_.reserve(settings_.slots_count_max);
    if (receive_mode_ == ReceiveMode::poll) mode_ += " receive=poll";
    arm_wake();
    return {};
}

// A kernel that knows buffer rings and refuses this one has a limit that an operator can raise: an error, not a slower
// mode.
std::expected<void, LoopError> UringLoop::choose_receive_mode() {
    const RingFeatures& features = ring_->features();
    if (!features.provided_buffers) {
        receive_mode_ = ReceiveMode::poll;
        scratch_.resize(settings_.receive_buffer_bytes + settings_.padding_bytes);
        return {};
    }
    auto buffers = BufferRing::open(ring_->raw(), settings_.receive_buffers_count, settings_.receive_buffer_bytes,
                                    settings_.padding_bytes);
    if (!buffers) return std::unexpected(explain_unavailable(buffers.error(), settings_, register_call));
    buffers_ = std::move(*buffers);
    receive_mode_ = features.receive_multishot ? ReceiveMode::multishot : ReceiveMode::oneshot;
    return {};
}

// A table of direct descriptors may not be larger than RLIMIT_NOFILE (io_uring_register_files_sparse(3)), so a low
// limit lowers the number of connections. recv(2) after a poll needs an ordinary descriptor.
void UringLoop::register_slots() {
    const std::uint32_t count = std::min(settings_.slots_count_max, descriptors_limit());
    is_direct_ = receive_mode_ != ReceiveMode::poll && ring_->features().accept_direct &&
                 io_uring_register_files_sparse(ring_->raw(), count) == 0;
    settings_.slots_count_max = count;
    if (is_direct_) return;
    free_slots_.reserve(count);
    for (Slot slot = count; slot-- > 0;) free_slots_.push_back(slot);
}

// --- submissions ------------------------------------------------------------------------------------

int UringLoop::target(Slot slot) const { return is_direct_ ? static_cast<int>(slot) : descriptors_.get(slot); }

// Completes a prepared entry for a socket: user data, and the count that close() waits for.
void UringLoop::commit(io_uring_sqe* sqe, Operation operation, Slot slot) {
    if (is_direct_ && operation != Operation::close && operation != Operation::cancel) sqe->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data64(sqe, encode({operation, sockets_[slot].generation, slot}));
    ++sockets_[slot].operations_count;
}

void UringLoop::arm_wake() {
    io_uring_sqe* sqe = ring_->submission();
    io_uring_prep_read(sqe, waker_.fd(), &wake_value_, sizeof wake_value_, 0);
    io_uring_sqe_set_data64(sqe, encode({Operation::wake, 0, 0}));
}

void UringLoop::arm_receive(Slot slot) {
    Socket& socket = sockets_[slot];
    const bool is_held = socket.receive == ReceiveState::armed || socket.receive == ReceiveState::cancelling;
    if (is_held || socket.life != Life::open) return;
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
    commit(sqe, receive_operation(receive_mode_ == ReceiveMode::poll), slot);
    socket.receive = ReceiveState::armed;
}

void UringLoop::cancel_receive(Slot slot) {
    Socket& socket = sockets_[slot];
    if (socket.receive != ReceiveState::armed) return;
    io_uring_sqe* sqe = ring_->submission();
    const Operation operation = receive_operation(receive_mode_ == ReceiveMode::poll);
    io_uring_prep_cancel64(sqe, encode({operation, socket.generation, slot}), 0);
    commit(sqe, Operation::cancel, slot);
    socket.receive = ReceiveState::cancelling;
}

void UringLoop::pause_receive(Slot slot) {
    CHECK(sockets_[slot].life == Life::open);
    sockets_[slot].is_receive_wanted = false;
    cancel_receive(slot);
}

void UringLoop::resume_receive(Slot slot) {
    Socket& socket = sockets_[slot];
    CHECK(socket.life == Life::open);
    socket.is_receive_wanted = true;
    if (socket.receive != ReceiveState::starved) arm_receive(slot);
}

// A receive that takes nothing and does not wait: MSG_DONTWAIT keeps the kernel from polling for it (REQ_F_NOWAIT).
void UringLoop::check_input(Slot slot) {
    CHECK(sockets_[slot].life == Life::open);
    io_uring_sqe* sqe = ring_->submission();
    io_uring_prep_recv(sqe, target(slot), &peeked_, sizeof peeked_, MSG_PEEK | MSG_DONTWAIT);
    commit(sqe, Operation::input_check, slot);
}

void UringLoop::send(Slot slot, std::span<const char> bytes) {
    Socket& socket = sockets_[slot];
    CHECK(socket.life == Life::open && socket.send_begin == nullptr && !bytes.empty());
    socket.send_begin = bytes.data();
    socket.send_bytes = static_cast<std::uint32_t>(bytes.size());
    set_unanswered(slot, false);
    arm_send(slot);
}

void UringLoop::set_unanswered(Slot slot, bool is_unanswered) {
    if (sockets_[slot].is_unanswered == is_unanswered) return;
    CHECK(is_unanswered || unanswered_count_ > 0);
    sockets_[slot].is_unanswered = is_unanswered;
    unanswered_count_ += is_unanswered ? 1u : -1u;
}

void UringLoop::arm_send(Slot slot) {
    const Socket& socket = sockets_[slot];
    io_uring_sqe* sqe = ring_->submission();
    io_uring_prep_send(sqe, target(slot), socket.send_begin, socket.send_bytes, MSG_NOSIGNAL | MSG_WAITALL);
    commit(sqe, Operation::send, slot);
}

void UringLoop::shutdown_send(Slot slot) {
    if (sockets_[slot].life == Life::open) arm_shutdown(slot, SHUT_WR);
}

void UringLoop::arm_shutdown(Slot slot, int how_code) {
    io_uring_sqe* sqe = ring_->submission();
    io_uring_prep_shutdown(sqe, target(slot), how_code);
    commit(sqe, Operation::shutdown, slot);
}

void UringLoop::close(Slot slot) {
    Socket& socket = sockets_[slot];
    CHECK(socket.life != Life::closed);
    if (socket.life != Life::open) return;
    socket.life = Life::closing;
    socket.is_receive_wanted = false;
    if (socket.operations_count != 0) cancel_all(slot);
    close_when_quiet(slot);
}

std::string UringLoop::peer_of(Slot slot) {
    if (sockets_[slot].life != Life::open) return "unknown";
    return peer_name(ordinary_descriptor(slot));
}

std::optional<std::uint64_t> UringLoop::unread_bytes(Slot slot) {
    if (sockets_[slot].life != Life::open) return std::nullopt;
    return send_queue_bytes(ordinary_descriptor(slot));
}

int UringLoop::ordinary_descriptor(Slot slot) { return is_direct_ ? lend_descriptor(slot) : descriptors_.get(slot); }

// getpeername(2) and ioctl(2) take no direct descriptor: an ordinary one of the same socket is made (Linux 6.8), and
// closed with its completion. -1: the kernel does not do that.
int UringLoop::lend_descriptor(Slot slot) {
    io_uring_sqe* sqe = ring_->submission();
    io_uring_prep_fixed_fd_install(sqe, static_cast<int>(slot), 0);
    const std::uint64_t user_data = encode({Operation::lend_descriptor, sockets_[slot].generation, slot});
    io_uring_sqe_set_data64(sqe, user_data);
    return ring_->submit_and_find(user_data).value_or(-1);
}

void UringLoop::cancel_all(Slot slot) {
    io_uring_sqe* sqe = ring_->submission();
    io_uring_prep_cancel_fd(sqe, target(slot),
                            IORING_ASYNC_CANCEL_ALL | (is_direct_ ? IORING_ASYNC_CANCEL_FD_FIXED : 0u));
    commit(sqe, Operation::cancel, slot);
}

void UringLoop::close_when_quiet(Slot slot) {
    Socket& socket = sockets_[slot];
    if (socket.life != Life::closing || socket.operations_count != 0) return;
    io_uring_sqe* sqe = ring_->submission();
    if (is_direct_) io_uring_prep_close_direct(sqe, slot);
    else io_uring_prep_close(sqe, descriptors_.get(slot));
    commit(sqe, Operation::close, slot);
    socket.life = Life::close_submitted;
}

// --- one iteration -----------------------------------------------------------------------------------

std::uint64_t UringLoop::wait_ns(std::uint64_t deadline_ns, std::uint64_t now_ns) const {
    const std::uint64_t until_ns = gate_.earlier(deadline_ns);
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
    begin_iteration();

    const std::uint64_t receives_before = counters_.receives;
    unsigned head = 0;
    std::uint32_t completions_count = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(ring_->raw(), head, cqe) {
        dispatch(cqe->user_data, cqe->res, cqe->flags);
        ++completions_count;
    }
    io_uring_cq_advance(ring_->raw(), completions_count);
    counters_.unexpected_results_count += ring_->take_losses_count();
    receives_last_count_ = static_cast<std::uint32_t>(counters_.receives - receives_before);
    if (buffers_ != nullptr) buffers_->publish();
    rearm_starved();
    accept_if_possible();
    if (is_stopping_ && is_accepting_) stop_when_empty();
    events_.on_iteration_end();
}

}  // namespace sluice::io
