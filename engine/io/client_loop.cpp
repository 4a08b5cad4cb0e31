#include "engine/io/client_loop.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/descriptor.hpp"
#include "engine/io/operation_result.hpp"

namespace sluice::io {

std::expected<std::unique_ptr<ClientLoop>, LoopError> ClientLoop::open(const LoopSettings& settings,
                                                                       ClientEvents& events) {
    auto ring = Ring::open(settings);
    if (!ring) return std::unexpected(ring.error());
    if (!(*ring)->features().receive_multishot)
        return std::unexpected(
            LoopError{"the load generator needs io_uring's multishot receive: Linux 6.0 or newer", true});
    std::unique_ptr<ClientLoop> loop(new ClientLoop(settings, events, std::move(*ring)));
    auto buffers = BufferRing::open(loop->ring_->raw(), settings.receive_buffers_count, settings.receive_buffer_bytes,
                                    settings.padding_bytes);
    if (!buffers) return std::unexpected(explain_unavailable(buffers.error(), settings, register_call));
    loop->buffers_ = std::move(*buffers);
    if (io_uring_register_files_sparse(loop->ring_->raw(), settings.slots_count_max) != 0)
        return std::unexpected(
            LoopError{"too few descriptors for so many connections: raise the limit (ulimit -n)", false});
    return loop;
}

ClientLoop::ClientLoop(const LoopSettings& settings, ClientEvents& events, std::unique_ptr<Ring> ring)
    : events_(events), ring_(std::move(ring)), sockets_(settings.slots_count_max) {
    starved_.reserve(settings.slots_count_max);
}

// The buffers belong to the ring, which must outlive them.
ClientLoop::~ClientLoop() { buffers_.reset(); }

// --- submissions ------------------------------------------------------------------------------------

// liburing's prep functions leave user_data alone.
io_uring_sqe* ClientLoop::submission(Operation operation, Slot slot) {
    io_uring_sqe* sqe = ring_->submission();
    io_uring_sqe_set_data64(sqe, encode({operation, sockets_[slot].generation, slot}));
    if (operation != Operation::quiet_send) ++sockets_[slot].operations_count;
    return sqe;
}

std::expected<void, int> ClientLoop::connect(Slot slot, const sockaddr_storage& address, socklen_t address_bytes) {
    Socket& socket = sockets_[slot];
    CHECK(socket.life == Life::closed && socket.operations_count == 0);
    Descriptor descriptor(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!descriptor.is_open()) return std::unexpected(errno);
    const int on = 1;
    ::setsockopt(descriptor.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int fd = descriptor.get();
    const int registered = io_uring_register_files_update(ring_->raw(), slot, &fd, 1);
    if (registered != 1) return std::unexpected(registered < 0 ? -registered : EMFILE);

    const std::uint32_t generation = socket.generation;
    socket = Socket{};
    socket.generation = generation;
    socket.address = address;
    socket.address_bytes = address_bytes;
    socket.life = Life::open;
    arm_connect(slot);
    return {};
}

void ClientLoop::arm_connect(Slot slot) {
    const Socket& socket = sockets_[slot];
    io_uring_sqe* sqe = submission(Operation::connect, slot);
    io_uring_prep_connect(sqe, static_cast<int>(slot), reinterpret_cast<const sockaddr*>(&socket.address),
                          socket.address_bytes);
    sqe->flags |= IOSQE_FIXED_FILE;
}

void ClientLoop::arm_receive(Slot slot) {
    io_uring_sqe* sqe = submission(Operation::receive, slot);
    io_uring_prep_recv_multishot(sqe, static_cast<int>(slot), nullptr, 0, 0);
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    sqe->buf_group = BufferRing::group_id;
}

void ClientLoop::send(Slot slot, std::span<const char> bytes, Notice notice) {
    Socket& socket = sockets_[slot];
    DCHECK(is_alive(slot) && socket.send_begin == nullptr && !bytes.empty());
    if (notice == Notice::when_sent) {
        socket.send_begin = bytes.data();
        socket.send_bytes = static_cast<std::uint32_t>(bytes.size());
        return arm_send(slot);
    }
    io_uring_sqe* sqe = submission(Operation::quiet_send, slot);
    io_uring_prep_send(sqe, static_cast<int>(slot), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
}

void ClientLoop::arm_send(Slot slot) {
    const Socket& socket = sockets_[slot];
    io_uring_sqe* sqe = submission(Operation::send, slot);
    io_uring_prep_send(sqe, static_cast<int>(slot), socket.send_begin, socket.send_bytes, MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_FIXED_FILE;
}

// All that the kernel may hold of the socket is cancelled first: closing a direct descriptor under an armed multishot
// receive would leave the socket alive, and a quiet send may still read the caller's bytes.
void ClientLoop::close(Slot slot) {
    Socket& socket = sockets_[slot];
    CHECK(socket.life != Life::closed);
    if (socket.life != Life::open) return;
    socket.life = Life::closing;
    cancel_all(slot);
}

void ClientLoop::cancel_all(Slot slot) {
    io_uring_sqe* sqe = submission(Operation::cancel, slot);
    io_uring_prep_cancel_fd(sqe, static_cast<int>(slot), IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD_FIXED);
}

void ClientLoop::close_when_quiet(Slot slot) {
    Socket& socket = sockets_[slot];
    if (socket.life != Life::closing || socket.operations_count != 0) return;
    socket.life = Life::close_submitted;
    io_uring_sqe* sqe = submission(Operation::close, slot);
    io_uring_prep_close_direct(sqe, slot);
}

// --- completions ------------------------------------------------------------------------------------

void ClientLoop::run_once(std::uint64_t deadline_ns, std::uint64_t spin_ns) {
    const std::uint64_t now_ns = monotonic_ns();
    const std::uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    if (left_ns != 0 && left_ns <= spin_ns) {
        ring_->submit_and_poll(deadline_ns);
        spun_ns_ += monotonic_ns() - now_ns;
    } else {
        ring_->submit_and_wait(left_ns != 0 ? left_ns - spin_ns : 1, 1);
    }

    unsigned head = 0;
    unsigned completions_count = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(ring_->raw(), head, cqe) {
        dispatch(cqe->user_data, cqe->res, cqe->flags);
        ++completions_count;
    }
    io_uring_cq_advance(ring_->raw(), completions_count);
    buffers_->publish();

    // All buffers have come back, so each receive that found none may try again, once.
    for (const UserData& starved : starved_) {
        const bool is_same = sockets_[starved.slot].generation == starved.generation;
        if (is_same && is_alive(starved.slot)) arm_receive(starved.slot);
    }
    starved_.clear();
}

void ClientLoop::dispatch(std::uint64_t user_data, int result, std::uint32_t flags) {
    const UserData data = decode(user_data);
    const Slot slot = data.slot;
    CHECK(slot < sockets_.size());
    Socket& socket = sockets_[slot];
    const bool is_stale = socket.generation != data.generation;
    // Only quiet sends are not waited for before a slot is closed.
    if (data.operation == Operation::quiet_send) {
        if (!is_stale) fail(slot, result < 0 ? -result : EPIPE);
        return;
    }
    const bool more = (flags & IORING_CQE_F_MORE) != 0;
    CHECK(!is_stale && socket.operations_count > 0);
    if (!more) --socket.operations_count;
    switch (data.operation) {
        case Operation::receive:
            take_bytes(slot, result, flags);
            on_receive(slot, result, more);
            break;
        case Operation::send: on_send(slot, result); break;
        case Operation::connect: on_connect(slot, result); break;
        case Operation::cancel: on_cancel(slot, result); break;
        case Operation::close: return on_close(slot, result);
        default: CHECK(false && "no operation of a client");
    }
    close_when_quiet(slot);
}

void ClientLoop::on_connect(Slot slot, int result) {
    if (!is_alive(slot)) return;
    switch (connect_outcome(result)) {
        case ConnectOutcome::connected:
            arm_receive(slot);
            events_.on_connected(slot);
            break;
        case ConnectOutcome::again: arm_connect(slot); break;
        case ConnectOutcome::cancelled:
        case ConnectOutcome::failed: fail(slot, -result); break;
    }
}

void ClientLoop::on_cancel(Slot slot, int result) {
    if (sockets_[slot].operations_count == 0) return;
    switch (cancel_outcome(result)) {
        case CancelOutcome::done: break;
        case CancelOutcome::again: cancel_all(slot); break;
        case CancelOutcome::failed: {
            // A kernel that cannot cancel: the end of both streams ends what is in flight, too.
            io_uring_sqe* sqe = submission(Operation::quiet_send, slot);
            io_uring_prep_shutdown(sqe, static_cast<int>(slot), SHUT_RDWR);
            sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
            break;
        }
    }
}

void ClientLoop::on_close(Slot slot, int result) {
    Socket& socket = sockets_[slot];
    CHECK(socket.life == Life::close_submitted && socket.operations_count == 0);
    if (close_outcome(result) == CloseOutcome::again) {
        socket.life = Life::closing;
        return close_when_quiet(slot);
    }
    socket.life = Life::closed;  // also where there was nothing to close: the next connect() takes the place
    socket.generation = (socket.generation + 1) & generation_mask;
    events_.on_closed(slot);
}

void ClientLoop::take_bytes(Slot slot, int result, std::uint32_t flags) {
    const bool has_buffer = (flags & IORING_CQE_F_BUFFER) != 0;
    const auto buffer_id = static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
    if (result > 0 && is_alive(slot))
        events_.on_bytes(slot, {buffers_->bytes_of(buffer_id), static_cast<std::size_t>(result)});
    if (has_buffer) buffers_->give_back(buffer_id);
}

void ClientLoop::on_receive(Slot slot, int result, bool is_armed) {
    const Socket& socket = sockets_[slot];
    if (!is_alive(slot)) return;
    switch (receive_outcome(result)) {
        case ReceiveOutcome::bytes:
        case ReceiveOutcome::again:
        case ReceiveOutcome::cancelled:
            if (!is_armed) arm_receive(slot);
            break;
        case ReceiveOutcome::starved: starved_.push_back({Operation::receive, socket.generation, slot}); break;
        case ReceiveOutcome::end_of_stream: events_.on_ended(slot); break;
        case ReceiveOutcome::failed: fail(slot, -result); break;
    }
}

void ClientLoop::on_send(Slot slot, int result) {
    Socket& socket = sockets_[slot];
    if (!is_alive(slot)) return;
    switch (send_outcome(result)) {
        case SendOutcome::sent:
            CHECK(static_cast<std::uint32_t>(result) <= socket.send_bytes);
            socket.send_begin += result;
            socket.send_bytes -= static_cast<std::uint32_t>(result);
            if (socket.send_bytes != 0) return arm_send(slot);
            socket.send_begin = nullptr;
            return events_.on_sent(slot);
        case SendOutcome::again: return arm_send(slot);
        case SendOutcome::cancelled:
        case SendOutcome::failed: return fail(slot, result == 0 ? EPIPE : -result);
    }
}

void ClientLoop::fail(Slot slot, int error) {
    Socket& socket = sockets_[slot];
    if (socket.has_failed || !is_alive(slot)) return;
    socket.has_failed = true;
    events_.on_failed(slot, error);
}

}  // namespace sluice::io
