// The tables of kernel results: each errno that an operation may end with, and what it leads to.
// runs: release asan
#include "engine/io/operation_result.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace sluice::io {
namespace {

template <typename Outcome>
struct Row {
    int result;
    Outcome outcome;
};

TEST(OperationResult, Accept) {
    using enum AcceptOutcome;
    for (const Row<AcceptOutcome>& row : {
             Row<AcceptOutcome>{0, accepted},
             {17, accepted},
             {-ECANCELED, stopped},
             {-EMFILE, exhausted},
             {-ENFILE, exhausted},
             {-ENOBUFS, exhausted},
             {-ENOMEM, exhausted},
             {-EBADF, fatal},
             {-EINVAL, fatal},
             {-ENOTSOCK, fatal},
             {-EOPNOTSUPP, fatal},
             {-EFAULT, fatal},
             // accept(2): errors that wait on the new connection are no errors of the listener.
             {-ECONNABORTED, again},
             {-EINTR, again},
             {-EAGAIN, again},
             {-EPROTO, again},
             {-ENETDOWN, again},
             {-EHOSTUNREACH, again},
             {-ETIMEDOUT, again},
             {-EPERM, again},
         })
        EXPECT_EQ(accept_outcome(row.result), row.outcome) << std::strerror(-row.result);
}

TEST(OperationResult, Receive) {
    using enum ReceiveOutcome;
    for (const Row<ReceiveOutcome>& row : {
             Row<ReceiveOutcome>{1, bytes},
             {16384, bytes},
             {0, end_of_stream},
             {-EINTR, again},
             {-EAGAIN, again},
             {-ENOBUFS, starved},
             {-ECANCELED, cancelled},
             {-ECONNRESET, failed},
             {-ETIMEDOUT, failed},
             {-EHOSTUNREACH, failed},
             {-EPIPE, failed},
             {-ENOTCONN, failed},
             {-EBADF, failed},
             {-ENOMEM, failed},
         })
        EXPECT_EQ(receive_outcome(row.result), row.outcome) << std::strerror(-row.result);
}

TEST(OperationResult, Send) {
    using enum SendOutcome;
    for (const Row<SendOutcome>& row : {
             Row<SendOutcome>{1, sent},
             {65536, sent},
             {-EINTR, again},
             {-EAGAIN, again},
             {-ECANCELED, cancelled},
             {-EPIPE, failed},
             {-ECONNRESET, failed},
             {-ETIMEDOUT, failed},
             {-ENOBUFS, failed},
             {-EBADF, failed},
             {0, failed},  // nothing of something was taken: it would be so for ever
         })
        EXPECT_EQ(send_outcome(row.result), row.outcome) << std::strerror(-row.result);
}

}  // namespace
}  // namespace sluice::io
