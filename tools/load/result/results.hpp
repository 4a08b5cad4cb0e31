// What a load run measured: filled by tools/load/run, written by tools/load/report and tools/load/export. Nothing here
// knows how a request is made.
//
// Three latencies of every request, which answer three questions:
//
//   intended start ──── lag ────> actual send ──── uncorrected ────> response complete
//   └──────────────────────────── corrected ─────────────────────────────┘
//
// corrected: what a client that wanted to send at the planned time would have waited (the headline). uncorrected: the
// server's part alone, which hides the requests that a stalled server kept from being sent. lag: what a
// request waited to be sent, for a free connection or for the generator; the latter alone is the own lag. In a closed
// loop a request is intended when its user is ready to send it.
//
// Values; a histogram belongs to one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hdr/hdr_histogram.h>

#include "engine/core/ack.hpp"

namespace sluice::load {

struct CloseHistogram {
    void operator()(hdr_histogram* histogram) const { hdr_close(histogram); }
};
using Histogram = std::unique_ptr<hdr_histogram, CloseHistogram>;

// 1 ns to 1 h with 3 significant digits: an error of at most 0.1 %, in memory that does not grow. Aborts without
// memory.
[[nodiscard]] Histogram make_histogram();

// Each failed request is counted under the first of these that applies.
enum class Fault : std::uint8_t {
    refused,  // connect(2): nobody listens
    unreachable,  // connect(2): any other error
    tls,  // the TLS handshake failed, or the session broke
    timeout,  // no complete response within --timeout; the connection is closed
    reset,  // the connection broke before the response was complete
    closed_early,  // the server ended the connection before the response was complete
    malformed,  // what came is not an HTTP response
    too_large,  // a response head or body beyond what the generator keeps or skips
    bad_status,  // a complete response of a status that the run does not count as success
    bad_body,  // a complete response whose body fails the run's check
    never_sent,  // no connection was free for it until the run gave up waiting
    interrupted,  // the user ended the run before it was sent or answered
};
inline constexpr std::size_t faults_count = 12;
[[nodiscard]] constexpr std::string_view name_of(Fault fault) {
    constexpr std::array<std::string_view, faults_count> names{
        "refused",   "unreachable", "tls",        "timeout",  "reset",      "closed_early",
        "malformed", "too_large",   "bad_status", "bad_body", "never_sent", "interrupted"};
    return names[static_cast<std::size_t>(fault)];
}

struct Latencies {
    Histogram corrected, uncorrected, lag;  // ns
    Histogram failed{};  // ns; of the corrected ones, those of requests that failed. May be absent: none did
};

// TLS handshakes that were completed, in ns from the open connection to the last message that the client has to verify.
// The client's own work counts. Absent without TLS.
struct Handshakes {
    Histogram full{};
    Histogram resumed{};
};
[[nodiscard]] Handshakes make_handshakes();

// What became of TLS in a run.
struct TlsFigures {
    struct Failure {
        std::string sentence;
        std::uint64_t count = 0;
    };
    std::string agreed;  // version, cipher suite and group of one of the connections; empty: there was none
    bool is_verified = true;  // the server's certificate
    Handshakes handshakes;  // of the measured time
    Histogram before_run;  // ns; those that opened connections before the run
    std::vector<Failure> failures;  // of handshakes and sessions, also before the run and in its warm-up
};

// Counts of a span of time: one second, or the whole run. A request counts in the span in which it ends; one that fell
// due in the warm-up and ends after it counts nowhere, so that the measured ones add up: planned = succeeded + failed.
struct Counts {
    std::uint64_t planned = 0;  // requests that fell due
    std::uint64_t sent = 0;
    std::uint64_t responses = 0;  // complete ones, of any status
    std::uint64_t succeeded = 0;  // responses that are neither bad_status nor bad_body
    std::uint64_t samples = 0;  // telemetry samples in succeeded requests (--batch); as succeeded without one
    std::uint64_t connects = 0, sent_bytes = 0, received_bytes = 0;  // bytes of HTTP: what TLS adds is not counted
    std::uint64_t unsolicited = 0;  // bytes came that answer no request, and the connection was closed for it
    std::array<std::uint64_t, faults_count> faults{};
    std::array<std::uint64_t, ack_levels_count> acks{};  // succeeded ones whose Sluice-Ack names a level, by AckLevel
    std::array<std::uint64_t, 600> statuses{};  // responses by status; interim (1xx) ones too, which are no responses

    [[nodiscard]] std::uint64_t failed() const {
        std::uint64_t sum = 0;
        for (const std::uint64_t count : faults) sum += count;
        return sum;
    }
    // Of the requests that ended, those that failed: 0 to 1; 0 if none ended.
    [[nodiscard]] double failed_share() const;
    void add(const Counts& other);
};

// What came of the requests to one endpoint of a scenario, or to all endpoints of one name. A request belongs to an
// endpoint once it is sent, so `planned` is 0, and never_sent counts in no endpoint; nor do connections and bytes.
struct EndpointFigures {
    std::string name;
    Counts counts;
    Histogram corrected, failed;  // as those of Latencies
};

// One second of a run. `latencies` are those of requests that ended in it and are reused for the next second.
struct Interval {
    double begin_s = 0, end_s = 0;  // since the run's start, warm-up included
    bool is_warmup = false;  // not part of the totals
    std::uint32_t open_connections_count = 0;
    Counts counts;
    const Latencies* latencies = nullptr;
    std::span<const EndpointFigures> endpoints{};  // none unless a scenario tells endpoints apart; reused likewise
    double left_s = -1;  // of the run; negative: not known (--requests)
};

// Is told of each second while a run goes on: progress, CSV, histogram log, InfluxDB. Called on the thread of the
// coordinator, which is not a load thread; a slow observer delays only the observers.
class Observer {
  public:
    virtual ~Observer() = default;
    // Once, before any interval: all connections are open, and the run begins at this Unix time.
    virtual void on_begin(std::int64_t began_at_ms) { (void)began_at_ms; }
    virtual void on_interval(const Interval& interval) = 0;
    // The user ends the run early; the last answers are awaited.
    virtual void on_stopping() {}
};

// The few figures of an interval that plots need; kept for the whole run (some 100 bytes a second).
struct Second {
    double begin_s = 0, end_s = 0;  // since the run's start; shorter than a second where warm-up or run end in one
    bool is_warmup = false;
    std::uint64_t planned = 0, sent = 0, responses = 0, failed = 0;
    // Corrected. No latency is 0 ns: where nothing was answered, or sent, 0 says that there is none.
    std::uint64_t p50_ns = 0, p90_ns = 0, p99_ns = 0, p999_ns = 0, max_ns = 0;
    std::uint64_t uncorrected_p99_ns = 0, lag_p99_ns = 0;
    std::uint32_t open_connections_count = 0;
};

// Where it was measured.
struct Environment {
    std::string version, commit;  // of sluice-load; commit may be empty
    std::string host, cpu, kernel;
    std::uint32_t cores_count = 0;
    std::string command_line;  // of sluice-load
    std::string
        server_command_line;  // of the target if it is a process of this machine that we may look at; else empty
};

struct ThresholdResult {
    std::string text;  // as given: p95<200ms
    std::string measured;  // with unit
    bool holds = false;
};

// What a run comes to. A script sees it in the exit code.
enum class Verdict : std::uint8_t {
    ok,
    missed,  // a threshold
    failed,  // more than half of the requests failed, and no threshold on errors allows it
    invalid,  // the generator was measured and not the server
};
[[nodiscard]] constexpr std::string_view name_of(Verdict verdict) {
    constexpr std::array<std::string_view, 4> names{"ok", "missed", "failed", "invalid"};
    return names[static_cast<std::size_t>(verdict)];
}

struct RunResult {
    Environment environment;
    std::string target;  // URL, or the scenario's name
    std::string plan;  // one line for people: "open loop, 20000/s constant, 30 s, 100 connections on 1 thread"
    bool is_open_loop = true;
    std::int64_t began_at_ms = 0;  // Unix time of the run's start, which is after its connections were opened
    double duration_s = 0;  // measured part, warm-up excluded
    double warmup_s = 0;
    double planned_rate = 0;  // requests/s; 0 in a closed loop
    double achieved_rate = 0;  // responses/s
    std::uint64_t own_lag_p99_ns =
        0;  // of the lag, the part in which a connection was free: nobody's fault but the generator's
    double cpu_busiest = 0;  // share of the busiest load thread's time spent on the CPU, 0 to 1
    Counts totals;
    Latencies latencies;
    std::vector<EndpointFigures> endpoints;  // of a scenario that tells them apart
    std::optional<TlsFigures> tls;  // of https://
    std::vector<Second> seconds;
    std::vector<std::string> invalid_reasons;  // sentences; the run is valid if empty
    bool is_generator_limited = false;  // one of them: the generator was late or saturated, so the rate says nothing
    std::vector<ThresholdResult> thresholds;
    std::string failure;  // a sentence if the run failed (Verdict::failed); else empty

    [[nodiscard]] bool is_valid() const { return invalid_reasons.empty(); }
    // That most requests failed is so even if the generator was late: it comes before invalid, and invalid before
    // missed.
    [[nodiscard]] Verdict verdict() const;
    // Successes a second: what achieved_rate has beside answers that refuse or are wrong.
    [[nodiscard]] double success_rate() const;
};

}  // namespace sluice::load
