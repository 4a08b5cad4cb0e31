// The completion side of UringLoop: what each operation's result leads to.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"
#include "engine/io/listener.hpp"
#include "engine/io/operation_result.hpp"
#include "engine/io/uring_loop.hpp"

namespace sluice::io {
namespace {

// One turn of a multishot accept takes at most what waits in the backlog; a second turn may come before its
// cancellation has an effect.
constexpr std::uint64_t multishot_burst_count = 2 * limits::listen_backlog_count;

}  // namespace

void UringLoop::dispatch(std::uint64_t user_data, int result, std::uint32_t flags) {
    const UserData data = decode(user_data);
    const bool more = (flags & IORING_CQE_F_MORE) != 0;
    switch (data.operation) {
        case Operation::accept: return on_accept(result, more);
        case Operation::wake: arm_wake(); return events_.on_wake();
        case Operation::cancel:
            if (data.generation == generation_mask) return;  // of the accept, by stop_listening()
            break;
        default: break;
    }
    Socket& socket = sockets_[data.slot];
    const bool is_stale = !socket.open || socket.generation != data.generation;
    if (is_stale && data.operation == Operation::close) return;  // the slot's next accept overtook it: open_slot()
    // Any other operation holds the slot, so a stale one is a bug of ours.
    CHECK(!is_stale);
    if (!more) --socket.operations_count;
    switch (data.operation) {
        case Operation::receive: on_receive(data.slot, result, flags); break;
        case Operation::send: on_send(data.slot, result); break;
        case Operation::cancel: socket.receive_cancel_in_flight = false; break;
        case Operation::close: return on_close(data.slot);
        default: break;
    }
    close_when_quiet(data.slot);
}

// --- accept ------------------------------------------------------------------------------------------

// Arms no accept itself: accept_if_possible() does, at the end of the iteration.
void UringLoop::on_accept(int result, bool more) {
    if (!more) accept_armed_ = false;
    switch (accept_outcome(result)) {
        case AcceptOutcome::accepted:
            if (direct_) {
                open_slot(static_cast<Slot>(result), -1);
            } else if (!free_slots_.empty()) {
                const Slot slot = free_slots_.back();
                free_slots_.pop_back();
                open_slot(slot, result);
            } else {
                ::close(result);  // more arrived while the cancellation below was on its way
            }
            if (accept_armed_ && accept_is_multishot_ && !may_accept_many()) cancel_accept();
            break;
        case AcceptOutcome::again: ++counters_.accept_errors; break;
        case AcceptOutcome::exhausted:
            if (free_slots_count() == 0) break;
            ++counters_.accept_pauses;
            accept_retry_ns_ = now_ns_ + accept_retry_interval_ns;
            break;
        case AcceptOutcome::stopped: break;
        case AcceptOutcome::fatal: CHECK(!listening_); break;
    }
}

// A multishot accept goes on when no slot is left: the kernel then closes the connection that it has just accepted,
// which would have been served had it stayed in the backlog. So where a full backlog might not find room, connections
// are accepted one at a time.
bool UringLoop::may_accept_many() const { return free_slots_count() > multishot_burst_count; }

// Connections that nobody accepts wait in the listener's backlog. They are taken when enough slots are free; while
// all slots are ours that is the only sign to wait for. Where others use up the descriptors, time is.
void UringLoop::accept_if_possible() {
    if (accept_armed_ || !listening_) return;
    const std::uint64_t free_count = free_slots_count();
    if (free_count == 0 && !is_full_) {
        is_full_ = true;
        ++counters_.accept_pauses;
    }
    if (is_full_ && free_count < std::max<std::uint64_t>(settings_.slots_count_max / low_water_divisor, 1)) return;
    is_full_ = false;
    if (now_ns_ < accept_retry_ns_) return;
    accept_retry_ns_ = 0;
    arm_accept();
}

void UringLoop::open_slot(Slot slot, int fd) {
    CHECK(slot < settings_.slots_count_max);
    Socket& socket = sockets_[slot];
    // A direct descriptor is free as soon as its close was executed, and an accept that is submitted with the close
    // may take it and complete first.
    if (socket.open && socket.close_submitted) {
        socket.operations_count = 0;
        on_close(slot);
    }
    CHECK(!socket.open && socket.operations_count == 0);
    const std::uint32_t generation = socket.generation;
    socket = Socket{};
    socket.generation = generation;
    socket.fd = fd;
    socket.open = true;
    socket.receive_wanted = true;
    ++counters_.accepted;
    ++counters_.open_slots;
    events_.on_open(slot);
    if (socket.receive_wanted) arm_receive(slot);
}

void UringLoop::on_close(Slot slot) {
    Socket& socket = sockets_[slot];
    CHECK(socket.operations_count == 0);
    socket.open = false;
    // The all-ones generation marks cancellations of the accept.
    socket.generation = (socket.generation + 1) % generation_mask;
    set_unanswered(slot, false);
    --counters_.open_slots;
    if (!direct_) free_slots_.push_back(slot);
    events_.on_closed(slot);
}

// --- receive ------------------------------------------------------------------------------------------

void UringLoop::on_receive(Slot slot, int result, std::uint32_t flags) {
    Socket& socket = sockets_[slot];
    if ((flags & IORING_CQE_F_MORE) == 0) socket.receive_armed = false;
    if (receive_mode_ == ReceiveMode::poll && result > 0) return receive_ready(slot);
    const bool has_buffer = (flags & IORING_CQE_F_BUFFER) != 0;
    const auto buffer_id = static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
    if (result > 0) {
        CHECK(has_buffer);
        deliver(slot, {buffers_->bytes_of(buffer_id), static_cast<std::size_t>(result)});
    }
    if (has_buffer) buffers_->give_back(buffer_id);
    receive_ended(slot, result);
}

// ReceiveMode::poll: the socket is readable. One recv(2) an iteration, so that a fast sender cannot starve others.
void UringLoop::receive_ready(Slot slot) {
    const Socket& socket = sockets_[slot];
    if (socket.closing || !socket.receive_wanted) return;
    const std::size_t room = scratch_.size() - settings_.padding_bytes;
    const ssize_t received = ::recv(socket.fd, scratch_.data(), room, MSG_DONTWAIT);
    if (received > 0) deliver(slot, {scratch_.data(), static_cast<std::size_t>(received)});
    receive_ended(slot, received < 0 ? -errno : static_cast<int>(received));
}

void UringLoop::deliver(Slot slot, std::span<const char> bytes) {
    counters_.received_bytes += bytes.size();
    ++counters_.receives;
    set_unanswered(slot, true);
    if (!sockets_[slot].closing) events_.on_bytes(slot, bytes);
}

// After a receive's completion was handled: arm again, wait for buffers, or tell the server.
void UringLoop::receive_ended(Slot slot, int result) {
    Socket& socket = sockets_[slot];
    if (socket.closing) return;
    switch (receive_outcome(result)) {
        case ReceiveOutcome::bytes:
        case ReceiveOutcome::again:
        case ReceiveOutcome::cancelled:
            if (socket.receive_wanted) arm_receive(slot);
            break;
        case ReceiveOutcome::starved:
            ++counters_.buffer_shortages;
            if (socket.starved) break;
            socket.starved = true;
            starved_.push_back(slot);
            break;
        case ReceiveOutcome::end_of_stream:
            socket.receive_wanted = false;
            events_.on_end_of_stream(slot);
            break;
        case ReceiveOutcome::failed:
            socket.receive_wanted = false;
            events_.on_failed(slot);
            break;
    }
}

// All buffers of this iteration have come back, so the connections that found none may try again, once.
void UringLoop::rearm_starved() {
    if (starved_.empty()) return;
    starved_before_.swap(starved_);
    for (const Slot slot : starved_before_) {
        Socket& socket = sockets_[slot];
        if (!socket.starved) continue;  // closed and reused meanwhile
        socket.starved = false;
        if (socket.open && socket.receive_wanted) arm_receive(slot);
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
        case SendOutcome::failed:
            if (!socket.closing) events_.on_failed(slot);
            return;
    }
    if (socket.closing) return;
    if (socket.send_bytes != 0) return arm_send(slot);
    socket.send_begin = nullptr;
    events_.on_sent(slot);
}

}  // namespace sluice::io
