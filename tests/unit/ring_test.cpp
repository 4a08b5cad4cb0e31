// A ring of eight entries, and a kernel that takes no submission: nothing is lost, nothing aborts, the order stays.
// runs: release asan tsan
#include "engine/io/ring.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <thread>
#include <vector>

#include "engine/core/clock.hpp"
#include "tests/support/refused_submissions.hpp"

namespace sluice::io {
namespace {

constexpr std::uint64_t ms = 1'000'000;
constexpr std::uint32_t entries_count = 8;
constexpr std::uint32_t completions_room = 8 * entries_count;

class Ring8 : public testing::Test {
  protected:
    bool open() {
        LoopSettings settings;
        settings.ring_entries_count = entries_count;
        settings.without_defer_taskrun = true;  // a ring that more than one thread may submit to
        auto opened = Ring::open(settings);
        if (!opened) unavailable = opened.error().sentence;
        else ring = std::move(*opened);
        return ring != nullptr;
    }
    void queue_no_op() {
        io_uring_sqe* sqe = ring->submission();
        io_uring_prep_nop(sqe);
        io_uring_sqe_set_data64(sqe, queued_count++);
    }
    // Takes what has completed; the order must be that of the submissions.
    void reap() {
        unsigned head = 0;
        unsigned count = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(ring->raw(), head, cqe) {
            EXPECT_EQ(cqe->user_data, completed_count);
            ++completed_count;
            ++count;
        }
        io_uring_cq_advance(ring->raw(), count);
    }
    void reap_all() {
        for (int i = 0; i < 1000 && completed_count < queued_count; ++i) {
            ring->submit_and_wait(100 * ms, 1);
            reap();
        }
        EXPECT_EQ(completed_count, queued_count);
        EXPECT_EQ(ring->queued_count(), 0u);
    }

    std::unique_ptr<Ring> ring;
    std::string unavailable;
    std::uint64_t queued_count = 0;
    std::uint64_t completed_count = 0;
};

TEST_F(Ring8, TakesMoreThanBothQueuesHold) {
    if (!open()) GTEST_SKIP() << unavailable;
    for (std::uint32_t i = 0; i < 3 * completions_room; ++i) queue_no_op();
    EXPECT_GE(io_uring_cq_ready(ring->raw()), completions_room) << "the completion queue is not full";
    reap_all();
}

// What the kernel does not take waits, and goes before what is asked for later.
TEST_F(Ring8, AKernelThatTakesNothingIsAskedAgain) {
    for (const int error : {EBUSY, EAGAIN, EINTR}) {
        if (!open()) GTEST_SKIP() << unavailable;
        queued_count = completed_count = 0;
        for (std::uint32_t i = 0; i < completions_room + entries_count; ++i) queue_no_op();
        std::thread([&] {
            tests::refuse_submissions(tests::Refused::submissions, error);
            for (int i = 0; i < 1000; ++i) queue_no_op();
            EXPECT_GE(ring->queued_count(), 1000u) << "the kernel took some: this test shows nothing";
            const std::uint64_t begin_ns = monotonic_ns();
            for (int i = 0; i < 5; ++i) ring->submit_and_wait(10'000 * ms, 1);
            EXPECT_LT(monotonic_ns() - begin_ns, 5000 * ms);
        }).join();
        queue_no_op();
        reap_all();
    }
}

// With nothing to reap, it does not ask without a pause.
TEST_F(Ring8, DoesNotSpinWhileItIsRefused) {
    if (!open()) GTEST_SKIP() << unavailable;
    std::thread([&] {
        tests::refuse_submissions(tests::Refused::submissions, EAGAIN);
        queue_no_op();
        const std::uint64_t begin_ns = monotonic_ns();
        for (int i = 0; i < 10; ++i) ring->submit_and_wait(10'000 * ms, 1);
        EXPECT_GE(monotonic_ns() - begin_ns, 10 * ms);
    }).join();
    reap_all();
}

}  // namespace
}  // namespace sluice::io
