// RedisWorker: takes samples off the queue, one at a time, and waits for Redis' reply to each: one synchronous command
// a sample, as the original does it.
//
// A sample whose connection broke is sent again (so it may be stored twice) until Redis is back; meanwhile the queue
// fills and handlers answer 503. One that Redis refused is counted as dropped.
#pragma once

#include <hiredis/hiredis.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/baseline/sample_queue.hpp"
#include "engine/config/config.hpp"

namespace sluice::baseline {

class RedisWorker {
  public:
    // Starts the thread. `queue` outlives the worker.
    RedisWorker(SampleQueue& queue, const config::SinkUrl& url, Layout layout);
    // After queue.close(): returns when the queue is empty, or when Redis cannot be reached.
    void join() { thread_.join(); }

    [[nodiscard]] std::uint64_t stored_count() const { return stored_count_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t dropped_count() const { return dropped_count_.load(std::memory_order_relaxed); }

  private:
    struct FreeContext {
        void operator()(redisContext* context) const { redisFree(context); }
    };

    void run();
    [[nodiscard]] bool store(const Words& sample);
    [[nodiscard]] bool connect();
    [[nodiscard]] bool greet(const std::vector<std::string_view>& words);

    SampleQueue& queue_;
    const config::SinkUrl url_;
    const Layout layout_;
    std::unique_ptr<redisContext, FreeContext> context_;
    std::vector<const char*> words_;         // of the command under way
    std::vector<std::size_t> words_bytes_;
    std::atomic<std::uint64_t> stored_count_{0};
    std::atomic<std::uint64_t> dropped_count_{0};
    std::thread thread_;                     // last: it uses all of the above
};

}  // namespace sluice::baseline
