// What handing a batch to a sink thread costs: the queue alone, and between two threads. Hundreds of samples share it.
//
//   sluice-bench --benchmark_filter=queue --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
#include <benchmark/benchmark.h>

#include <atomic>
#include <thread>

#include "engine/core/batch.hpp"
#include "engine/delivery/bounded_queue.hpp"

namespace {

using namespace sluice;

constexpr std::size_t batches_count = 256;  // batch.count's default

void queue_one_thread(benchmark::State& state) {
    BoundedQueue<Batch*> queue(1, batches_count);
    for (auto _ : state) {
        queue.push(0, nullptr);
        benchmark::DoNotOptimize(queue.try_pop());
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

// Threads that spin: on one core they only take turns, so the figure needs two.
void queue_two_threads(benchmark::State& state) {
    BoundedQueue<Batch*> queue(1, batches_count);
    std::atomic<std::uint64_t> popped_count{0};  // the consumer stores, release; the producer's loads, acquire
    std::atomic<bool> is_over{false};
    std::thread consumer([&] {
        while (!is_over.load(std::memory_order_relaxed))
            if (queue.try_pop())
                popped_count.store(popped_count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    });
    std::uint64_t pushed_count = 0;
    for (auto _ : state) {
        while (pushed_count - popped_count.load(std::memory_order_acquire) >= batches_count) {
        }
        queue.push(0, nullptr);
        ++pushed_count;
    }
    is_over.store(true, std::memory_order_relaxed);
    consumer.join();
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

BENCHMARK(queue_one_thread);
BENCHMARK(queue_two_threads)->UseRealTime();

}  // namespace
