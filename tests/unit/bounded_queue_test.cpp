// The queue between reactors and sink thread, and the protocol that wakes the latter. Run under
// ThreadSanitizer too: a wake that gets lost shows as a timeout, a race as a report.
// runs: release asan tsan
#include "engine/delivery/bounded_queue.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "engine/core/cache_line.hpp"
#include "engine/core/clock.hpp"
#include "engine/delivery/sink_thread.hpp"
#include "sinks/null/null_sink.hpp"
#include "tests/support/batches.hpp"
#include "tests/support/seed.hpp"

namespace sluice::tests {
namespace {

using namespace std::chrono_literals;

TEST(BoundedQueue, TakesAllBatchesOfAllProducersWithoutFailing) {
    constexpr std::size_t producers_count = 3;
    constexpr std::size_t batches_count = limits::batches_per_reactor_count_max;
    std::vector<Batch> batches(1);
    BoundedQueue<Batch*> queue(producers_count, batches_count);
    // From every offset within a block, and several times round: full, then empty.
    for (int round = 0; round < 70; ++round) {
        for (std::size_t p = 0; p < producers_count; ++p) {
            for (std::size_t i = 0; i < batches_count; ++i) queue.push(p, &batches[0]);
        }
        for (std::size_t i = 0; i < producers_count * batches_count; ++i) ASSERT_NE(queue.try_pop(), std::nullopt);
        ASSERT_EQ(queue.try_pop(), std::nullopt);
        queue.push(0, &batches[0]);  // shifts the offset by one
        ASSERT_NE(queue.try_pop(), std::nullopt);
    }
}

TEST(BoundedQueue, StaysFullWhileItMovesOn) {
    constexpr std::size_t batches_count = 100;
    std::vector<Batch> batches(1);
    BoundedQueue<Batch*> queue(1, batches_count);
    for (std::size_t i = 0; i < batches_count; ++i) queue.push(0, &batches[0]);
    for (int i = 0; i < 10'000; ++i) {
        ASSERT_NE(queue.try_pop(), std::nullopt);
        queue.push(0, &batches[0]);
    }
}

// Gives batches back to the producer they came from, and checks that they come in its order.
class CountingPort final : public sinks::CompletionPort {
  public:
    explicit CountingPort(std::size_t producers_count) : settled_(producers_count) {}
    void settle(Batch& batch, Settlement) override {
        std::atomic<std::uint64_t>& settled = settled_[batch.reactor_index()].count;
        const std::uint64_t expected = settled.load(std::memory_order_relaxed);
        in_order = in_order && batch.opened_ns == expected;
        settled.store(expected + 1, std::memory_order_release);  // pairs with the producers' acquire loads
    }
    [[nodiscard]] std::uint64_t settled_count(std::size_t producer) const {
        return settled_[producer].count.load(std::memory_order_acquire);
    }
    bool in_order = true;  // sink thread; read after it was joined

  private:
    struct alignas(cache_line_bytes) Settled {
        std::atomic<std::uint64_t> count{0};
    };
    std::vector<Settled> settled_;
};

// Settles at once, but takes its time in advance(): what is pushed meanwhile is found only by looking into the queue
// once more before sleeping, because nobody wakes a thread that is awake.
class DawdlingSink final : public sinks::Sink {
  public:
    explicit DawdlingSink(sinks::CompletionPort& port) : port_(port) {}
    [[nodiscard]] bool has_room() const override { return true; }
    void submit(Batch& batch) override { port_.settle(batch, Settlement::final); }
    [[nodiscard]] sinks::Interest interest() const override { return {}; }
    void advance(short, std::uint64_t now_ns) override {
        while (monotonic_ns() < now_ns + 2'000) {
        }
    }
    [[nodiscard]] const sinks::SinkSignal& signal() const override { return signal_; }
    [[nodiscard]] sinks::SinkFigures figures() const override { return {.delivery = figures_}; }
    [[nodiscard]] std::string last_error() const override { return {}; }

  private:
    sinks::CompletionPort& port_;
    sinks::SinkSignal signal_;
    sinks::DeliveryFigures figures_;
};

// Each producer keeps few batches and pauses at random, so that the sink thread falls asleep again and again at every
// point of a push.
TEST(SinkThread, LosesNoBatchAndNoWake) {
    constexpr std::size_t producers_count = 3;
    constexpr std::size_t ring = 4;
    constexpr std::uint64_t pushes_count = 30'000;
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed_trace(seed));
    CountingPort port(producers_count);
    SinkThread sink_thread(std::make_unique<DawdlingSink>(port), producers_count, ring);
    sink_thread.start();
    std::atomic<bool> stuck{false};
    std::vector<std::thread> threads;
    for (std::size_t p = 0; p < producers_count; ++p) {
        threads.emplace_back([&, p] {
            std::mt19937_64 random(seed + p);
            std::vector<std::vector<char>> arenas(ring, std::vector<char>(1024));
            std::vector<Batch> batches(ring);
            for (std::size_t i = 0; i < ring; ++i) batches[i].bind(arenas[i], static_cast<std::uint16_t>(p));
            SinkThread::Producer& producer = sink_thread.producer(p);
            for (std::uint64_t n = 0; n < pushes_count; ++n) {
                const auto give_up = std::chrono::steady_clock::now() + 100s;
                while (n - port.settled_count(p) >= ring) {
                    producer.wake_if_sleeping();
                    std::this_thread::yield();
                    if (std::chrono::steady_clock::now() > give_up) return stuck.store(true);
                }
                batches[n % ring].opened_ns = n;
                producer.push(batches[n % ring]);
                if (random() % 3 != 0) producer.wake_if_sleeping();
                if (random() % 64 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 100));
            }
            producer.wake_if_sleeping();
            // Nothing more is pushed: only that one wake can bring the rest through.
            const auto give_up = std::chrono::steady_clock::now() + 100s;
            while (port.settled_count(p) < pushes_count) {
                std::this_thread::yield();
                if (std::chrono::steady_clock::now() > give_up) return stuck.store(true);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    sink_thread.stop_and_join();
    EXPECT_FALSE(stuck) << "a batch was slept through";
    EXPECT_TRUE(port.in_order);
}

TEST(SinkThread, SleepsWhileThereIsNothingToDo) {
    CountingPort port(1);
    SinkThread sink_thread(sinks::make_null_sink(port), 1, 4);
    sink_thread.start();
    std::this_thread::sleep_for(20ms);
    timespec before{};
    timespec after{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    std::this_thread::sleep_for(300ms);
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    sink_thread.stop_and_join();
    const long used_us = (after.tv_sec - before.tv_sec) * 1'000'000 + (after.tv_nsec - before.tv_nsec) / 1000;
    EXPECT_LT(used_us, 20'000) << "an idle sink thread must not poll";
}

TEST(SinkThread, StopsWhileBatchesAreLeft) {
    // A sink without room: what is pushed stays in the queue.
    class FullSink final : public sinks::Sink {
      public:
        [[nodiscard]] bool has_room() const override { return false; }
        void submit(Batch&) override {}
        [[nodiscard]] sinks::Interest interest() const override { return {}; }
        void advance(short, std::uint64_t) override {}
        [[nodiscard]] const sinks::SinkSignal& signal() const override { return signal_; }
        [[nodiscard]] sinks::SinkFigures figures() const override { return {.delivery = figures_}; }
        [[nodiscard]] std::string last_error() const override { return "full"; }

      private:
        sinks::SinkSignal signal_;
        sinks::DeliveryFigures figures_;
    };
    SinkThread sink_thread(std::make_unique<FullSink>(), 1, 4);
    sink_thread.start();
    std::vector<Batch> batches(1);
    sink_thread.producer(0).push(batches[0]);
    sink_thread.producer(0).wake_if_sleeping();
    std::this_thread::sleep_for(10ms);
    sink_thread.stop_and_join();
    EXPECT_EQ(sink_thread.sink().last_error(), "full");
}

}  // namespace
}  // namespace sluice::tests
