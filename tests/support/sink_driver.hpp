// Runs a sink on the test's own thread, as a SinkThread would: hands batches on, waits on its descriptor,
// calls advance(). So a test decides between which two steps the server dies.
#pragma once

#include <poll.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "engine/core/clock.hpp"
#include "sinks/sink.hpp"
#include "tests/support/batches.hpp"
#include "tests/support/patience.hpp"

namespace sluice::tests {

class SinkDriver {
  public:
    explicit SinkDriver(LedgerPort& ledger, std::unique_ptr<sinks::Sink> sink)
        : ledger_(ledger), sink_(std::move(sink)) {}

    void submit(OwnedBatch& batch) {
        ledger_.submitted(*batch);
        queue_.push_back(batch.get());
    }

    // Runs until `done`, or for `timeout_ns`; returns whether it is done.
    bool run_until(const std::function<bool()>& done, std::uint64_t timeout_ns = patience_ns) {
        const std::uint64_t end_ns = monotonic_ns() + timeout_ns;
        while (!done()) {
            if (monotonic_ns() >= end_ns) return false;
            step();
        }
        return true;
    }
    bool run_until_settled(std::size_t finals_count) {
        return run_until([&] { return ledger_.finals.size() >= finals_count; });
    }
    bool run_until_state(sinks::SinkState state) {
        return run_until([&] { return sink_->figures().delivery.state == state; });
    }
    void run_for(std::uint64_t duration_ms) {
        static_cast<void>(run_until([] { return false; }, duration_ms * 1'000'000));
    }

    void step() {
        while (sink_->has_room() && !queue_.empty()) {
            sink_->submit(*queue_.front());
            queue_.pop_front();
        }
        sink_->advance(revents_, monotonic_ns());
        const sinks::Interest interest = sink_->interest();
        pollfd descriptor{interest.fd, interest.events, 0};
        const int wait_ms = wait_of(interest);
        revents_ = ::poll(&descriptor, interest.fd >= 0 ? 1 : 0, wait_ms) > 0 ? descriptor.revents : short{0};
    }

    [[nodiscard]] sinks::Sink& sink() { return *sink_; }
    [[nodiscard]] const sinks::SinkSignal& signal() const { return sink_->signal(); }
    // Figures that every sink has, and those of the kinds that have them.
    [[nodiscard]] const sinks::DeliveryFigures& delivery() const { return sink_->figures().delivery; }
    [[nodiscard]] const sinks::LinkFigures& link() const { return *sink_->figures().link; }
    [[nodiscard]] const sinks::ReplicationFigures& replication() const { return *sink_->figures().replication; }
    [[nodiscard]] const sinks::ExactlyOnceFigures& exactly_once() const { return *sink_->figures().exactly_once; }
    [[nodiscard]] const sinks::ClusterFigures& cluster() const { return *sink_->figures().cluster; }

  private:
    // At most 20 ms, so that run_until() looks at its condition.
    [[nodiscard]] static int wait_of(const sinks::Interest& interest) {
        if (interest.deadline_ns == 0) return 20;
        const std::uint64_t now_ns = monotonic_ns();
        if (interest.deadline_ns <= now_ns) return 0;
        return static_cast<int>(std::min<std::uint64_t>((interest.deadline_ns - now_ns) / 1'000'000 + 1, 20));
    }

    LedgerPort& ledger_;
    std::unique_ptr<sinks::Sink> sink_;
    std::deque<Batch*> queue_;
    short revents_ = 0;
};

}  // namespace sluice::tests
