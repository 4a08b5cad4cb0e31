// Breaker: when it opens, what it takes to close it, and what does not move it.
// runs: release asan
#include "sinks/breaker.hpp"

#include <gtest/gtest.h>

namespace sluice::sinks {
namespace {

using Failure = Breaker::Failure;
using State = BreakerState;

TEST(Breaker, OpensAfterFailuresInARow) {
    Breaker breaker(3);
    breaker.failed(Failure::connection);
    breaker.failed(Failure::refusal);
    EXPECT_EQ(breaker.state(), State::closed);
    EXPECT_FALSE(breaker.wants_retry_time());
    breaker.failed(Failure::connection);
    EXPECT_EQ(breaker.state(), State::open);
    EXPECT_EQ(breaker.opens_count(), 1u);
    EXPECT_EQ(breaker.failures_count(), 3u);
    EXPECT_EQ(breaker.last_failure(), Failure::connection);
}

TEST(Breaker, ASuccessBetweenFailuresStartsTheCountAnew) {
    Breaker breaker(2);
    for (int i = 0; i < 10; ++i) {
        breaker.failed(Failure::refusal);
        breaker.succeeded();
    }
    EXPECT_EQ(breaker.state(), State::closed);
    EXPECT_EQ(breaker.opens_count(), 0u);
}

TEST(Breaker, OneAttemptDecides) {
    Breaker breaker(1);
    breaker.failed(Failure::connection);
    ASSERT_TRUE(breaker.wants_retry_time());
    breaker.retry_at(700);
    EXPECT_EQ(breaker.retry_ns(), 700u);
    breaker.attempt();
    EXPECT_EQ(breaker.state(), State::half_open);
    EXPECT_EQ(breaker.retry_ns(), 0u);
    breaker.failed(Failure::refusal);
    EXPECT_EQ(breaker.state(), State::open);
    EXPECT_TRUE(breaker.wants_retry_time()) << "the pause is over, so a new one is to be set";
    EXPECT_EQ(breaker.last_failure(), Failure::refusal);
    EXPECT_EQ(breaker.opens_count(), 1u) << "it has not been closed meanwhile";
    breaker.attempt();
    breaker.succeeded();
    EXPECT_EQ(breaker.state(), State::closed);
    EXPECT_EQ(breaker.failures_count(), 0u);
    breaker.failed(Failure::connection);
    EXPECT_EQ(breaker.opens_count(), 2u);
}

TEST(Breaker, LateFailuresDoNotPutTheAttemptOff) {
    Breaker breaker(1);
    breaker.failed(Failure::refusal);
    breaker.retry_at(700);
    breaker.failed(Failure::refusal);
    EXPECT_EQ(breaker.retry_ns(), 700u);
    EXPECT_FALSE(breaker.wants_retry_time());
}

TEST(Breaker, WhileClosedThereIsNothingToAttempt) {
    Breaker breaker(2);
    breaker.attempt();
    breaker.retry_at(700);
    EXPECT_EQ(breaker.state(), State::closed);
    EXPECT_EQ(breaker.retry_ns(), 0u);
}

TEST(Breaker, ZeroIsNever) {
    Breaker breaker(0);
    for (int i = 0; i < 100; ++i) breaker.failed(Failure::connection);
    EXPECT_EQ(breaker.state(), State::closed);
}

}  // namespace
}  // namespace sluice::sinks
