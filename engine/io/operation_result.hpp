// What the result of each kernel operation means: one table an operation.
//
// A completion's `res` is converted here once; the code behind it sees an outcome, never an errno. Errors that
// are in no row close the connection (receive, send) or stop the engine (accept: the listener is broken).
#pragma once

#include <cerrno>

namespace sluice::io {

enum class AcceptOutcome {
    accepted,
    again,      // this connection is gone or the call was interrupted: go on accepting
    exhausted,  // no descriptor, slot or memory: stop accepting, try later
    stopped,    // cancelled by stop_listening()
    fatal,      // the listener itself is broken
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

enum class ReceiveOutcome {
    bytes,
    end_of_stream,
    again,      // interrupted: arm again
    starved,    // no provided buffer was free: arm again when some came back
    cancelled,  // by pause_receive() or close()
    failed,     // reset, timed out, unreachable: the connection is gone
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

}  // namespace sluice::io
