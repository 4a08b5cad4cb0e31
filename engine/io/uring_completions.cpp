// The completion side of UringLoop: what each operation's result leads to.
#include <sys/socket.h>

#include <cerrno>

#include "engine/core/check.hpp"
#include "engine/core/descriptor.hpp"
#include "engine/io/operation_result.hpp"
#include "engine/io/uring_loop.hpp"

namespace sluice::io {

void UringLoop::dispatch(std::uint64_t user_data, int result, std::uint32_t flags) {
    const UserData data = decode(user_data);
    const auto index = static_cast<ListenerIndex>(data.slot);
    switch (data.operation) {
        case Operation::accept: return on_accept(index, result, (flags & IORING_CQE_F_MORE) != 0);
        case Operation::cancel_accept: return on_accept_cancelled(index, result);
        case Operation::poll_listener: return on_listener_polled(index, result);
        case Operation::wake: return on_wake(result);
        case Operation::lend_descriptor: Descriptor(result).reset(); return;  // whoever asked for it has looked
        default: return dispatch_socket(data, result, flags);
    }
}

void UringLoop::dispatch_socket(UserData data, int result, std::uint32_t flags) {
    const Slot slot = data.slot;
    CHECK(slot < settings_.slots_count_max);
    Socket& socket = sockets_[slot];
    const bool is_stale = socket.life == Life::closed || socket.generation != data.generation;
    if (is_stale && data.operation == Operation::close) return;  // the slot's next accept overtook it: open_slot()
    // Any other operation holds the slot, so a stale one is a bug of ours.
    CHECK(!is_stale && socket.operations_count > 0);
    if ((flags & IORING_CQE_F_MORE) == 0) --socket.operations_count;
    switch (data.operation) {
        case Operation::receive: on_receive(slot, result, flags); break;
        case Operation::poll: on_poll(slot, result); break;
        case Operation::send: on_send(slot, result); break;
        case Operation::shutdown: on_shutdown(slot, result); break;
        case Operation::input_check: on_input_check(slot, result); break;
        case Operation::cancel: on_cancel(slot, result); break;
        case Operation::close: return on_close(slot, result);
        default: CHECK(false && "no operation of a socket");
    }
    close_when_quiet(slot);
}

// The wait has ended, which is all: each iteration asks what other threads have left.
void UringLoop::on_wake(int result) {
    CHECK(wake_outcome(result) != WakeOutcome::fatal);
    arm_wake();
}

// --- close and cancel --------------------------------------------------------------------------------

void UringLoop::on_close(Slot slot, int result) {
    switch (close_outcome(result)) {
        case CloseOutcome::closed: break;
        case CloseOutcome::again: sockets_[slot].life = Life::closing; return close_when_quiet(slot);
        case CloseOutcome::unknown: ++counters_.unexpected_results_count; break;
    }
    // The ring has closed it: its number may be another's already.
    if (!is_direct_) static_cast<void>(descriptors_.take(slot).release());
    release(slot);
}

// The kernel holds nothing of the slot any more.
void UringLoop::release(Slot slot) {
    Socket& socket = sockets_[slot];
    CHECK(socket.life == Life::close_submitted && socket.operations_count == 0);
    socket.life = Life::closed;
    socket.generation = (socket.generation + 1) & generation_mask;
    set_unanswered(slot, false);
    count_closed();
    if (!is_direct_) free_slots_.push_back(slot);
    events_.on_closed(slot);
}

void UringLoop::on_cancel(Slot slot, int result) {
    Socket& socket = sockets_[slot];
    const CancelOutcome outcome = cancel_outcome(result);
    // If the receive has not ended by now, its end is on its way, or it may be cancelled once more.
    const bool was_cancelling = socket.receive == ReceiveState::cancelling;
    if (was_cancelling) socket.receive = ReceiveState::armed;
    if (outcome == CancelOutcome::done) return;
    if (outcome == CancelOutcome::failed) ++counters_.unexpected_results_count;
    if (socket.life == Life::open) {
        if (outcome == CancelOutcome::failed) fail(slot);
        else if (was_cancelling && !socket.is_receive_wanted) cancel_receive(slot);
    } else if (socket.operations_count != 0) {
        // A kernel that cannot cancel: the end of both streams ends what is in flight, too.
        if (outcome == CancelOutcome::failed) arm_shutdown(slot, SHUT_RDWR);
        else cancel_all(slot);
    }
}

void UringLoop::on_shutdown(Slot slot, int result) {
    if (sockets_[slot].life != Life::open) return;
    switch (shutdown_outcome(result)) {
        case ShutdownOutcome::done:
        case ShutdownOutcome::cancelled: break;
        case ShutdownOutcome::again: arm_shutdown(slot, SHUT_WR); break;
        case ShutdownOutcome::failed: fail(slot); break;
    }
}

// Bytes that the kernel took from the socket before have completed before.
void UringLoop::on_input_check(Slot slot, int result) {
    if (sockets_[slot].life != Life::open) return;
    switch (input_check_outcome(result)) {
        case InputCheckOutcome::empty: return events_.on_input_checked(slot, true);
        case InputCheckOutcome::waiting: return events_.on_input_checked(slot, false);
        case InputCheckOutcome::again: return check_input(slot);
        case InputCheckOutcome::cancelled: return;
        case InputCheckOutcome::failed: return fail(slot);
    }
}

// The server closes the slot, in this iteration.
void UringLoop::fail(Slot slot) {
    Socket& socket = sockets_[slot];
    if (socket.life != Life::open) return;
    socket.is_receive_wanted = false;
    events_.on_failed(slot);
}

// --- receive ------------------------------------------------------------------------------------------

void UringLoop::on_receive(Slot slot, int result, std::uint32_t flags) {
    if ((flags & IORING_CQE_F_MORE) == 0) sockets_[slot].receive = ReceiveState::off;
    const bool has_buffer = (flags & IORING_CQE_F_BUFFER) != 0;
    const auto buffer_id = static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
    if (result > 0) {
        CHECK(has_buffer);
        deliver(slot, {buffers_->bytes_of(buffer_id), static_cast<std::size_t>(result)});
    }
    if (has_buffer) buffers_->give_back(buffer_id);
    receive_ended(slot, result);
}

// ReceiveMode::poll.
void UringLoop::on_poll(Slot slot, int result) {
    Socket& socket = sockets_[slot];
    socket.receive = ReceiveState::off;
    switch (poll_outcome(result)) {
        case PollOutcome::ready: return receive_ready(slot);
        case PollOutcome::again:
        case PollOutcome::cancelled:
            if (socket.is_receive_wanted) arm_receive(slot);
            break;
        case PollOutcome::failed: fail(slot); break;
    }
}

// The socket is readable. One recv(2) an iteration, so that a fast sender cannot starve others.
void UringLoop::receive_ready(Slot slot) {
    const Socket& socket = sockets_[slot];
    if (socket.life != Life::open || !socket.is_receive_wanted) return;
    const std::size_t room = scratch_.size() - settings_.padding_bytes;
    const ssize_t received = ::recv(descriptors_.get(slot), scratch_.data(), room, MSG_DONTWAIT);
    const int result = received < 0 ? -errno : static_cast<int>(received);
    if (received > 0) deliver(slot, {scratch_.data(), static_cast<std::size_t>(received)});
    receive_ended(slot, result);
}

void UringLoop::deliver(Slot slot, std::span<const char> bytes) {
    counters_.received_bytes += bytes.size();
    ++counters_.receives;
    set_unanswered(slot, true);
    if (sockets_[slot].life == Life::open) events_.on_bytes(slot, bytes);
}

// After a receive's completion was handled: arm again, wait for buffers, or tell the server.
void UringLoop::receive_ended(Slot slot, int result) {
    Socket& socket = sockets_[slot];
    if (socket.life != Life::open) return;
    switch (receive_outcome(result)) {
        case ReceiveOutcome::bytes:
        case ReceiveOutcome::again:
        case ReceiveOutcome::cancelled:
            if (socket.is_receive_wanted) arm_receive(slot);
            break;
        case ReceiveOutcome::starved:
            ++counters_.buffer_shortages;
            if (socket.receive != ReceiveState::off) break;
            socket.receive = ReceiveState::starved;
            starved_.push_back(slot);
            break;
        case ReceiveOutcome::end_of_stream:
            socket.is_receive_wanted = false;
            events_.on_end_of_stream(slot);
            break;
        case ReceiveOutcome::failed: fail(slot); break;
    }
}

// All buffers of this iteration have come back, so the connections that found none may try again, once.
void UringLoop::rearm_starved() {
    if (starved_.empty()) return;
    starved_before_.swap(starved_);
    for (const Slot slot : starved_before_) {
        Socket& socket = sockets_[slot];
        if (socket.receive != ReceiveState::starved) continue;  // closed and reused meanwhile
        socket.receive = ReceiveState::off;
        if (socket.is_receive_wanted) arm_receive(slot);
    }
    starved_before_.clear();
}

// --- send ---------------------------------------------------------------------------------------------

void UringLoop::on_send(Slot slot, int result) {
    Socket& socket = sockets_[slot];
    switch (send_outcome(result)) {
        case SendOutcome::sent: {
            const auto sent = static_cast<std::uint32_t>(result);
            CHECK(sent <= socket.send_bytes);
            counters_.sent_bytes += sent;
            socket.send_begin += sent;
            socket.send_bytes -= sent;
            break;
        }
        case SendOutcome::again: break;
        case SendOutcome::cancelled:
        case SendOutcome::failed: return fail(slot);
    }
    if (socket.life != Life::open) return;
    if (socket.send_bytes != 0) return arm_send(slot);
    socket.send_begin = nullptr;
    events_.on_sent(slot);
}

}  // namespace sluice::io
