// What the result of each kernel operation means: one table an operation.
//
// A completion's `res` is converted here once; the code behind it sees an outcome, never an errno. An outcome leads to
// one of three things: the operation is armed again, the connection is closed, or (`fatal`) a descriptor of ours is
// not what it should be, which is a bug. Errors that are in no row of a table get its last outcome.
#pragma once

#include <cerrno>

namespace sluice::io {

// --- io_uring_enter(2) -----------------------------------------------------------------------------------------------

enum class EnterOutcome {
    done,  // submitted, or waited for long enough
    again,  // interrupted, out of memory, or completions must be reaped first: what was not submitted stays queued
    lost,  // completions were lost for want of memory; the operations that they belonged to never end
    fatal,
};

[[nodiscard]] constexpr EnterOutcome enter_outcome(int result) {
    if (result >= 0) return EnterOutcome::done;
    switch (-result) {
        case ETIME: return EnterOutcome::done;
        case EINTR:
        case EAGAIN:
        case EBUSY:
        case ENOMEM: return EnterOutcome::again;
        case EBADR: return EnterOutcome::lost;
        default: return EnterOutcome::fatal;  // EBADF, EBADFD, EEXIST, EFAULT, EINVAL, ENXIO, EOPNOTSUPP
    }
}

// --- operations of a listener ----------------------------------------------------------------------------------------

enum class AcceptOutcome {
    accepted,
    again,  // this connection is gone or the call was interrupted: go on accepting
    exhausted,  // no descriptor, slot or memory: stop accepting, try later
    stopped,  // cancelled by the loop
    fatal,  // the listener itself is broken
};

[[nodiscard]] constexpr AcceptOutcome accept_outcome(int result) {
    if (result >= 0) return AcceptOutcome::accepted;
    switch (-result) {
        case ECANCELED: return AcceptOutcome::stopped;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM: return AcceptOutcome::exhausted;
        case EBADF:
        case EINVAL:
        case ENOTSOCK:
        case EOPNOTSUPP:
        case EFAULT: return AcceptOutcome::fatal;
        default: return AcceptOutcome::again;  // accept(2): pending network errors of the new socket, EINTR, EAGAIN
    }
}

// --- operations of a connection --------------------------------------------------------------------------------------

enum class ConnectOutcome {
    connected,
    again,  // interrupted
    cancelled,  // by close()
    failed,  // refused, unreachable, timed out, no port free
};

[[nodiscard]] constexpr ConnectOutcome connect_outcome(int result) {
    if (result >= 0) return ConnectOutcome::connected;
    switch (-result) {
        case EISCONN: return ConnectOutcome::connected;  // by the call that was interrupted
        case EINTR: return ConnectOutcome::again;
        case ECANCELED: return ConnectOutcome::cancelled;
        default: return ConnectOutcome::failed;
    }
}

enum class ReceiveOutcome {
    bytes,
    end_of_stream,
    again,  // interrupted: arm again
    starved,  // no provided buffer was free: arm again when some came back
    cancelled,  // by pause_receive() or close()
    failed,  // reset, timed out, unreachable: the connection is gone
};

[[nodiscard]] constexpr ReceiveOutcome receive_outcome(int result) {
    if (result > 0) return ReceiveOutcome::bytes;
    switch (-result) {
        case 0: return ReceiveOutcome::end_of_stream;
        case EINTR:
        case EAGAIN: return ReceiveOutcome::again;
        case ENOBUFS: return ReceiveOutcome::starved;
        case ECANCELED: return ReceiveOutcome::cancelled;
        default: return ReceiveOutcome::failed;
    }
}

// A receive that looks (MSG_PEEK) and does not wait.
enum class InputCheckOutcome {
    empty,
    waiting,  // bytes, or the end of the stream
    again,  // interrupted or out of memory
    cancelled,  // by close()
    failed,  // reset, timed out, unreachable: the connection is gone, and this was the only notice of it
};

[[nodiscard]] constexpr InputCheckOutcome input_check_outcome(int result) {
    if (result >= 0) return InputCheckOutcome::waiting;
    switch (-result) {
        case EAGAIN: return InputCheckOutcome::empty;
        case EINTR:
        case ENOMEM: return InputCheckOutcome::again;
        case ECANCELED: return InputCheckOutcome::cancelled;
        default: return InputCheckOutcome::failed;
    }
}

// A positive result is a set of events, which errors and hang-ups belong to: the call that follows tells which it was.
enum class PollOutcome {
    ready,
    again,  // interrupted, out of memory, or nothing to tell
    cancelled,  // by the loop
    failed,
};

[[nodiscard]] constexpr PollOutcome poll_outcome(int result) {
    if (result > 0) return PollOutcome::ready;
    switch (-result) {
        case 0:
        case EINTR:
        case EAGAIN:
        case ENOMEM: return PollOutcome::again;
        case ECANCELED: return PollOutcome::cancelled;
        default: return PollOutcome::failed;
    }
}

enum class SendOutcome { sent, again, cancelled, failed };

[[nodiscard]] constexpr SendOutcome send_outcome(int result) {
    if (result > 0) return SendOutcome::sent;
    switch (-result) {
        case EINTR:
        case EAGAIN: return SendOutcome::again;
        case ECANCELED: return SendOutcome::cancelled;
        default: return SendOutcome::failed;
    }
}

enum class ShutdownOutcome {
    done,
    again,  // interrupted or out of memory
    cancelled,  // by close()
    failed,  // the peer does not see the end of the stream: the connection is gone
};

[[nodiscard]] constexpr ShutdownOutcome shutdown_outcome(int result) {
    if (result >= 0) return ShutdownOutcome::done;
    switch (-result) {
        case EINTR:
        case EAGAIN:
        case ENOMEM: return ShutdownOutcome::again;
        case ECANCELED: return ShutdownOutcome::cancelled;
        default: return ShutdownOutcome::failed;  // ENOTCONN: it was reset
    }
}

enum class CloseOutcome {
    closed,  // also where flushing failed: close(2) frees the descriptor nevertheless
    again,  // nothing was done yet
    unknown,  // there was nothing to close
};

[[nodiscard]] constexpr CloseOutcome close_outcome(int result) {
    if (result >= 0) return CloseOutcome::closed;
    switch (-result) {
        case EINTR:
        case EIO:
        case ENOSPC:
        case EDQUOT: return CloseOutcome::closed;
        case EAGAIN:
        case ENOMEM:
        case ECANCELED: return CloseOutcome::again;
        default: return CloseOutcome::unknown;  // EBADF, ENOENT, ENXIO
    }
}

enum class CancelOutcome {
    done,  // it was cancelled, has ended, or is about to end
    again,  // interrupted or out of memory
    failed,  // the kernel cannot: what was to be cancelled goes on
};

[[nodiscard]] constexpr CancelOutcome cancel_outcome(int result) {
    if (result >= 0) return CancelOutcome::done;  // IORING_ASYNC_CANCEL_ALL: how many there were
    switch (-result) {
        case ENOENT:
        case EALREADY: return CancelOutcome::done;
        case EINTR:
        case EAGAIN:
        case ENOMEM:
        case ECANCELED: return CancelOutcome::again;
        default: return CancelOutcome::failed;
    }
}

// --- the loop's own eventfd ------------------------------------------------------------------------------------------

enum class WakeOutcome { woken, again, fatal };

[[nodiscard]] constexpr WakeOutcome wake_outcome(int result) {
    if (result > 0) return WakeOutcome::woken;
    switch (-result) {
        case EINTR:
        case EAGAIN:
        case ENOMEM:
        case ECANCELED: return WakeOutcome::again;
        default: return WakeOutcome::fatal;  // no eventfd that can be read: the loop would not hear other threads
    }
}

}  // namespace sluice::io
