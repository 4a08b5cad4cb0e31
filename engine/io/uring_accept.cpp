// The listeners' side of UringLoop: several of them accept into one table of slots.
//
// Each accept that the kernel holds may take a slot, a multishot one very many, and a connection that is accepted
// without a free slot is lost: the kernel closes it, which would have been served had it stayed in the backlog. So
// slots are held back for what is armed, and a listener for which none can be held back is polled. When somebody waits
// there, it takes the slot over from another listener, where nobody does.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <span>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"
#include "engine/io/operation_result.hpp"
#include "engine/io/uring_loop.hpp"

namespace sluice::io {
namespace {

// One turn of a multishot accept takes at most what waits in the backlog; a second turn may come before its
// cancellation has an effect.
constexpr std::uint64_t multishot_burst_count = 2 * limits::listen_backlog_count;

}  // namespace

void UringLoop::listen(std::span<const int> listeners_fd) {
    CHECK(!is_accepting_ && listeners_count_ == 0 && listeners_fd.size() <= acceptors_.size());
    for (const int fd : listeners_fd) acceptors_[listeners_count_++].fd = fd;
    is_accepting_ = true;
    accept_if_possible();
}

void UringLoop::stop_listening() {
    is_stopping_ = true;
    if (is_accepting_) stop_when_empty();
}

bool UringLoop::is_listening() const {
    const auto end = acceptors_.begin() + static_cast<std::ptrdiff_t>(listeners_count_);
    const auto is_in_use = [](const Acceptor& acceptor) {
        return acceptor.state != AcceptState::idle && acceptor.state != AcceptState::waited_for;
    };
    return is_accepting_ || std::any_of(acceptors_.begin(), end, is_in_use);
}

// What is armed accepts who waits, or the gate is shut until slots are free. Whoever comes while the cancellations are
// on their way is accepted, too.
void UringLoop::stop_when_empty() {
    std::array<int, limits::listeners_count_max> fds;
    for (std::size_t i = 0; i < listeners_count_; ++i) fds[i] = acceptors_[i].fd;
    if (!is_backlog_empty({fds.data(), listeners_count_})) return;
    is_accepting_ = false;
    gate_.open();
    for (std::size_t i = 0; i < listeners_count_; ++i) cancel_accept(static_cast<ListenerIndex>(i));
}

// --- slots held back ---------------------------------------------------------------------------------

std::uint64_t UringLoop::reserved_by(AcceptState state) {
    switch (state) {
        case AcceptState::idle:
        case AcceptState::polled:
        case AcceptState::waited_for: return 0;
        case AcceptState::armed_one:
        case AcceptState::ending_one: return 1;
        case AcceptState::armed_many:
        case AcceptState::ending_many: return multishot_burst_count;
    }
    return 0;
}

std::uint64_t UringLoop::reserved_count() const {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < listeners_count_; ++i) count += reserved_by(acceptors_[i].state);
    return count;
}

// Those where somebody is known to wait come first, then each in turn.
void UringLoop::accept_if_possible() {
    if (!is_accepting_) return;
    const bool has_armed = reserved_count() != 0;
    if (free_slots_count() == 0 && !has_armed && gate_.state() != AcceptGate::State::full &&
        gate_.shut_when_full(counters_.open_slots))
        ++counters_.accept_pauses;
    if (!gate_.may_open(free_slots_count(), now_ns_)) return;
    if (gate_.state() != AcceptGate::State::open) gate_.open();
    for (const AcceptState wanted : {AcceptState::waited_for, AcceptState::idle}) {
        for (std::size_t i = 0; i < listeners_count_; ++i) {
            const auto index = static_cast<ListenerIndex>((first_listener_index_ + i) % listeners_count_);
            if (acceptors_[index].state == wanted) accept_at(index);
        }
    }
}

void UringLoop::accept_at(ListenerIndex index) {
    const std::uint64_t reserved = reserved_count();
    const std::uint64_t free_count = free_slots_count();
    if (free_count > reserved + multishot_burst_count) return arm_accept(index, true);
    if (free_count > reserved) {
        first_listener_index_ = (index + 1u) % listeners_count_;
        return arm_accept(index, false);
    }
    if (acceptors_[index].state == AcceptState::waited_for) cancel_one_armed();
    else arm_poll(index);
}

// Frees a slot that is held back, if one is: its listener is polled next. Nothing to do where one is being freed.
void UringLoop::cancel_one_armed() {
    const auto ends = [](const Acceptor& acceptor) { return acceptor.state == AcceptState::ending_one; };
    const auto begin = acceptors_.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(listeners_count_);
    if (std::any_of(begin, end, ends)) return;
    const auto armed = std::find_if(begin, end, [](const Acceptor& a) { return a.state == AcceptState::armed_one; });
    if (armed != end) cancel_accept(static_cast<ListenerIndex>(armed - begin));
}

// --- submissions -------------------------------------------------------------------------------------

void UringLoop::arm_accept(ListenerIndex index, bool is_multishot) {
    Acceptor& acceptor = acceptors_[index];
    CHECK(reserved_by(acceptor.state) == 0 && acceptor.state != AcceptState::polled);
    io_uring_sqe* sqe = ring_->submission();
    const int fd = acceptor.fd;
    if (is_direct_ && is_multishot) io_uring_prep_multishot_accept_direct(sqe, fd, nullptr, nullptr, 0);
    else if (is_direct_) io_uring_prep_accept_direct(sqe, fd, nullptr, nullptr, 0, IORING_FILE_INDEX_ALLOC);
    else if (is_multishot) io_uring_prep_multishot_accept(sqe, fd, nullptr, nullptr, SOCK_CLOEXEC);
    else io_uring_prep_accept(sqe, fd, nullptr, nullptr, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(sqe, encode({Operation::accept, 0, index}));
    acceptor.state = is_multishot ? AcceptState::armed_many : AcceptState::armed_one;
}

void UringLoop::arm_poll(ListenerIndex index) {
    io_uring_sqe* sqe = ring_->submission();
    io_uring_prep_poll_add(sqe, acceptors_[index].fd, POLLIN);
    io_uring_sqe_set_data64(sqe, encode({Operation::poll_listener, 0, index}));
    acceptors_[index].state = AcceptState::polled;
}

void UringLoop::cancel_accept(ListenerIndex index) {
    Acceptor& acceptor = acceptors_[index];
    Operation operation = Operation::accept;
    switch (acceptor.state) {
        case AcceptState::idle:
        case AcceptState::ending_one:
        case AcceptState::ending_many: return;
        case AcceptState::waited_for: acceptor.state = AcceptState::idle; return;
        case AcceptState::polled: operation = Operation::poll_listener; break;
        case AcceptState::armed_one: acceptor.state = AcceptState::ending_one; break;
        case AcceptState::armed_many: acceptor.state = AcceptState::ending_many; break;
    }
    io_uring_sqe* sqe = ring_->submission();
    io_uring_prep_cancel64(sqe, encode({operation, 0, index}), 0);
    io_uring_sqe_set_data64(sqe, encode({Operation::cancel_accept, 0, index}));
}

// --- completions -------------------------------------------------------------------------------------

// Arms no accept itself: accept_if_possible() does, at the end of the iteration.
void UringLoop::on_accept(ListenerIndex index, int result, bool more) {
    CHECK(index < listeners_count_ && reserved_by(acceptors_[index].state) != 0);
    if (!more) acceptors_[index].state = AcceptState::idle;
    switch (accept_outcome(result)) {
        case AcceptOutcome::accepted: take_accepted(index, result); break;
        case AcceptOutcome::again: ++counters_.accept_errors; break;
        case AcceptOutcome::exhausted:
            if (free_slots_count() == 0) break;  // accept_if_possible() waits for slots then
            if (gate_.shut_when_exhausted(free_slots_count(), counters_.open_slots, now_ns_)) ++counters_.accept_pauses;
            break;
        case AcceptOutcome::stopped: break;
        case AcceptOutcome::fatal: CHECK(!is_accepting_); break;
    }
}

void UringLoop::take_accepted(ListenerIndex index, int result) {
    if (is_direct_) {
        open_slot(static_cast<Slot>(result), index);
    } else {
        Descriptor descriptor(result);
        if (free_slots_.empty()) return;  // more arrived while a cancellation was on its way
        const Slot slot = free_slots_.back();
        free_slots_.pop_back();
        descriptors_.put(slot, std::move(descriptor));
        open_slot(slot, index);
    }
    if (free_slots_count() > reserved_count()) return;
    for (std::size_t i = 0; i < listeners_count_; ++i)
        if (acceptors_[i].state == AcceptState::armed_many) cancel_accept(static_cast<ListenerIndex>(i));
}

void UringLoop::on_listener_polled(ListenerIndex index, int result) {
    Acceptor& acceptor = acceptors_[index];
    CHECK(index < listeners_count_ && acceptor.state == AcceptState::polled);
    acceptor.state = AcceptState::idle;
    if (!is_accepting_) return;
    switch (poll_outcome(result)) {
        case PollOutcome::again:
        case PollOutcome::cancelled: break;
        case PollOutcome::failed: ++counters_.unexpected_results_count; [[fallthrough]];  // accepting tells more
        case PollOutcome::ready: acceptor.state = AcceptState::waited_for; break;
    }
}

void UringLoop::on_accept_cancelled(ListenerIndex index, int result) {
    Acceptor& acceptor = acceptors_[index];
    const CancelOutcome outcome = cancel_outcome(result);
    if (outcome == CancelOutcome::done) return;  // the accept's own completion tells the rest
    if (outcome == CancelOutcome::failed) ++counters_.unexpected_results_count;
    const bool is_ending = acceptor.state == AcceptState::ending_one || acceptor.state == AcceptState::ending_many;
    if (is_ending)
        acceptor.state = acceptor.state == AcceptState::ending_one ? AcceptState::armed_one : AcceptState::armed_many;
    if (outcome == CancelOutcome::again) cancel_accept(index);
}

void UringLoop::open_slot(Slot slot, ListenerIndex index) {
    CHECK(slot < settings_.slots_count_max);
    Socket& socket = sockets_[slot];
    // A direct descriptor is free as soon as its close was executed, and an accept that is submitted with the close
    // may take it and complete first.
    if (socket.life == Life::close_submitted) {
        socket.operations_count = 0;
        release(slot);
    }
    CHECK(socket.life == Life::closed && socket.operations_count == 0);
    const std::uint32_t generation = socket.generation;
    socket = Socket{};
    socket.generation = generation;
    socket.life = Life::open;
    socket.is_receive_wanted = true;
    count_opened();
    events_.on_open(slot, index);
    if (socket.is_receive_wanted) arm_receive(slot);
}

}  // namespace sluice::io
