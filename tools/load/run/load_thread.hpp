// LoadThread: one pinned thread with its own ring, connections and share of the load. It shares nothing with the other
// threads but what the coordinator reads: phase, stop, and the recorder's spans.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tools/load/plan/run_plan.hpp"
#include "tools/load/run/client.hpp"
#include "tools/load/run/recorder.hpp"

namespace sluice::load {

class LoadThread {
  public:
    // `plan` outlives this. `core`: to be pinned to.
    // `tls`: of https://, outlives this; else null.
    LoadThread(const RunPlan& plan, const std::vector<ServerAddress>& addresses, const tls::ClientContext* tls,
               std::uint32_t thread, std::optional<unsigned> core, OnAcknowledged on_acknowledged);
    ~LoadThread();
    LoadThread(const LoadThread&) = delete;
    LoadThread& operator=(const LoadThread&) = delete;

    enum class Phase : std::uint8_t { opening, ready, failed, finished };
    // Acquire: what the thread wrote before is visible: error(), opened_count(), connect_failure().
    [[nodiscard]] Phase phase() const { return phase_.load(std::memory_order_acquire); }

    [[nodiscard]] const std::string& error() const { return error_; }  // failed: a sentence
    [[nodiscard]] std::uint32_t opened_count() const { return opened_count_; }  // connections at the start
    [[nodiscard]] std::uint32_t wanted_count() const { return wanted_count_; }
    [[nodiscard]] const std::string& connect_failure() const { return connect_failure_; }  // a clause; empty: none

    // Begins the load at `start_ns` (monotonic).
    void start(std::uint64_t start_ns) { start_ns_.store(start_ns, std::memory_order_release); }
    // Ends the load; what is in flight has a second to be answered.
    void stop() { must_stop_.store(true, std::memory_order_release); }
    void join();
    // When stop() took effect, in ns since the start; 0: it did not. After join().
    [[nodiscard]] std::uint64_t stopped_ns() const { return stopped_ns_; }
    // Of those that began to connect while there was time. After join().
    [[nodiscard]] const Client::Served& served() const { return served_; }
    // What its connections agreed on, and why TLS failed. After join().
    struct TlsOutcome {
        std::string agreed;
        std::vector<TlsFigures::Failure> failures;
    };
    [[nodiscard]] const TlsOutcome& tls_outcome() const { return tls_outcome_; }

    [[nodiscard]] Recorder& recorder() { return recorder_; }

  private:
    void run();
    void run_pinned();
    [[nodiscard]] bool open(Client& client);
    void run_load(Client& client, class PacedLoad& load, std::uint64_t start_ns);
    void plan_measurement(std::uint64_t start_ns);
    void end_span(Client& client, std::uint64_t end_ns, bool is_needed);
    void enter(Phase phase) { phase_.store(phase, std::memory_order_release); }  // pairs with phase()

    const RunPlan& plan_;
    const std::vector<ServerAddress>& addresses_;
    const tls::ClientContext* tls_;
    std::uint32_t thread_;
    std::optional<unsigned> core_;
    OnAcknowledged on_acknowledged_;
    Recorder recorder_;
    bool may_spin_;  // until others want the core
    std::int64_t preempted_count_ = 0;  // by other threads that wanted the core, at the end of the last span
    std::string error_;
    std::uint32_t opened_count_ = 0, wanted_count_ = 0;
    std::string connect_failure_;
    TlsOutcome tls_outcome_;
    Client::Served served_;
    std::uint64_t run_begin_ns_ = 0;
    std::uint64_t stopped_ns_ = 0;
    std::atomic<Phase> phase_{Phase::opening};
    std::atomic<std::uint64_t> start_ns_{0};  // pairs with the loads in run()
    std::atomic<bool> must_stop_{false};  // pairs with the loads in run()
    std::thread thread_of_run_;
};

// When the span that holds `second` (since the start) ends: at each full second of warm-up and measurement, and at the
// ends of both.
[[nodiscard]] double span_end_after(double second, double warmup_s, double duration_s);

}  // namespace sluice::load
