// Routes: the original's HTTP interface, in front of the queue. Handlers run on the threads of the pool.
#pragma once

#include <httplib.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include "bench/baseline/redis_worker.hpp"
#include "bench/baseline/sample_queue.hpp"
#include "bench/baseline/telemetry.hpp"

namespace sluice::baseline {

class Routes {
  public:
    // `queue` and `worker` outlive the routes.
    Routes(SampleQueue& queue, const RedisWorker& worker, Layout layout, std::size_t threads_count)
        : queue_(queue), worker_(worker), layout_(layout), threads_count_(threads_count) {}

    // The routes outlive the server.
    void add_to(httplib::Server& server);

  private:
    struct Figures {
        std::uint64_t requests = 0, stored = 0;
        std::uint64_t dropped = 0;  // by Redis, or answered 503
    };

    void take_sample(const httplib::Request& request, httplib::Response& response);
    void reset(httplib::Response& response);
    [[nodiscard]] Figures since_begin() const;
    [[nodiscard]] std::string metrics_json() const;
    [[nodiscard]] std::string status_json() const;

    SampleQueue& queue_;
    const RedisWorker& worker_;
    const Layout layout_;
    const std::size_t threads_count_;
    std::atomic<std::uint64_t> requests_count_{0};
    std::atomic<std::uint64_t> full_count_{0};  // answered 503
    std::atomic<bool> is_measuring_{true};  // POST /telemetry does not read it
    mutable std::mutex mutex_;  // of at_reset_; POST /telemetry does not take it
    Figures at_reset_;
};

}  // namespace sluice::baseline
