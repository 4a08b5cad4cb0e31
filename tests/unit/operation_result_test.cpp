// The tables of kernel results: each errno that an operation may end with, and what it leads to.
// runs: release asan
#include "engine/io/operation_result.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

namespace sluice::io {
namespace {

// The kernel's error numbers end here (MAX_ERRNO in linux/err.h).
constexpr int errno_max = 4095;

// Every error has the outcome of its row in `rows`, or `otherwise`.
template <typename Outcome>
void expect_table(Outcome (*outcome_of)(int), const std::map<int, Outcome>& rows, Outcome otherwise) {
    for (int error = 1; error <= errno_max; ++error) {
        const auto row = rows.find(error);
        EXPECT_EQ(outcome_of(-error), row == rows.end() ? otherwise : row->second)
            << error << " " << std::strerror(error);
    }
}

TEST(OperationResult, Enter) {
    using enum EnterOutcome;
    EXPECT_EQ(enter_outcome(0), done);
    EXPECT_EQ(enter_outcome(8), done);
    expect_table(enter_outcome,
                 {{ETIME, done}, {EINTR, again}, {EAGAIN, again}, {EBUSY, again}, {ENOMEM, again}, {EBADR, lost}},
                 fatal);
}

// accept(2): errors that wait on the new connection are no errors of the listener.
TEST(OperationResult, Accept) {
    using enum AcceptOutcome;
    EXPECT_EQ(accept_outcome(0), accepted);
    EXPECT_EQ(accept_outcome(17), accepted);
    expect_table(accept_outcome,
                 {{ECANCELED, stopped},
                  {EMFILE, exhausted},
                  {ENFILE, exhausted},
                  {ENOBUFS, exhausted},
                  {ENOMEM, exhausted},
                  {EBADF, fatal},
                  {EINVAL, fatal},
                  {ENOTSOCK, fatal},
                  {EOPNOTSUPP, fatal},
                  {EFAULT, fatal}},
                 again);
}

TEST(OperationResult, Connect) {
    using enum ConnectOutcome;
    EXPECT_EQ(connect_outcome(0), connected);
    expect_table(connect_outcome, {{EISCONN, connected}, {EINTR, again}, {ECANCELED, cancelled}}, failed);
}

TEST(OperationResult, Receive) {
    using enum ReceiveOutcome;
    EXPECT_EQ(receive_outcome(1), bytes);
    EXPECT_EQ(receive_outcome(16384), bytes);
    EXPECT_EQ(receive_outcome(0), end_of_stream);
    expect_table(receive_outcome, {{EINTR, again}, {EAGAIN, again}, {ENOBUFS, starved}, {ECANCELED, cancelled}},
                 failed);
}

TEST(OperationResult, Poll) {
    using enum PollOutcome;
    EXPECT_EQ(poll_outcome(1), ready);
    EXPECT_EQ(poll_outcome(0x2018), ready);
    EXPECT_EQ(poll_outcome(0), again) << "not the end of a stream";
    expect_table(poll_outcome, {{EINTR, again}, {EAGAIN, again}, {ENOMEM, again}, {ECANCELED, cancelled}}, failed);
}

TEST(OperationResult, Send) {
    using enum SendOutcome;
    EXPECT_EQ(send_outcome(1), sent);
    EXPECT_EQ(send_outcome(65536), sent);
    EXPECT_EQ(send_outcome(0), failed) << "nothing of something was taken: it would be so for ever";
    expect_table(send_outcome, {{EINTR, again}, {EAGAIN, again}, {ECANCELED, cancelled}}, failed);
}

TEST(OperationResult, InputCheck) {
    using enum InputCheckOutcome;
    EXPECT_EQ(input_check_outcome(1), waiting);
    EXPECT_EQ(input_check_outcome(0), waiting) << "the end of the stream";
    expect_table(input_check_outcome, {{EAGAIN, empty}, {EINTR, again}, {ENOMEM, again}, {ECANCELED, cancelled}},
                 failed);
}

TEST(OperationResult, Shutdown) {
    using enum ShutdownOutcome;
    EXPECT_EQ(shutdown_outcome(0), done);
    expect_table(shutdown_outcome, {{EINTR, again}, {EAGAIN, again}, {ENOMEM, again}, {ECANCELED, cancelled}}, failed);
}

// close(2), NOTES: Linux frees the descriptor before the step that may fail.
TEST(OperationResult, Close) {
    using enum CloseOutcome;
    EXPECT_EQ(close_outcome(0), closed);
    expect_table(close_outcome,
                 {{EINTR, closed},
                  {EIO, closed},
                  {ENOSPC, closed},
                  {EDQUOT, closed},
                  {EAGAIN, again},
                  {ENOMEM, again},
                  {ECANCELED, again}},
                 unknown);
}

TEST(OperationResult, Cancel) {
    using enum CancelOutcome;
    EXPECT_EQ(cancel_outcome(0), done);
    EXPECT_EQ(cancel_outcome(3), done);
    expect_table(
        cancel_outcome,
        {{ENOENT, done}, {EALREADY, done}, {EINTR, again}, {EAGAIN, again}, {ENOMEM, again}, {ECANCELED, again}},
        failed);
}

TEST(OperationResult, Wake) {
    using enum WakeOutcome;
    EXPECT_EQ(wake_outcome(8), woken);
    EXPECT_EQ(wake_outcome(0), fatal) << "an eventfd has no end";
    expect_table(wake_outcome, {{EINTR, again}, {EAGAIN, again}, {ENOMEM, again}, {ECANCELED, again}}, fatal);
}

}  // namespace
}  // namespace sluice::io
