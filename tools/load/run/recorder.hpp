// Recorder: what one load thread measures, handed to the coordinator span by span without a lock.
//
// The load thread records into one of a few spans. At the end of each second it publishes that span and goes on with
// the next. If the coordinator has not yet given one back, the load thread goes on with the same span: it is longer
// then, and nothing is lost.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "engine/core/cache_line.hpp"
#include "tools/load/result/results.hpp"

namespace sluice::load {

inline constexpr std::int64_t latency_ns_max = 3'600'000'000'000;  // of make_histogram()

// The two histograms and the counts of an endpoint, empty.
[[nodiscard]] EndpointFigures make_endpoint_figures(std::string name);

struct Span {
    std::uint64_t begin_ns = 0, end_ns = 0;  // since the run's start
    Counts counts;
    Latencies latencies{make_histogram(), make_histogram(), make_histogram(), make_histogram()};
    std::vector<EndpointFigures> endpoints;  // by row of EndpointRows
    Histogram own_lag =
        make_histogram();  // ns; the part of the lag in which a connection was free, or would have been but for us
    Handshakes handshakes;
    std::uint64_t timely_responses = 0;  // before the measurement's end; those to requests of the warm-up, too
    // In the second half of the measured time: the requests that fell due, and those that ended with a response or by a
    // fault of the server. If the server keeps up the two are equal, however long it takes to answer. Over the whole
    // run they are not, because a run begins with nothing in flight.
    std::uint64_t second_half_planned_count = 0, second_half_ended_count = 0;
    std::uint64_t sent_in_time = 0;  // of counts.sent, those before Measurement::in_time_until_ns
    std::uint64_t late_by_generator_count = 0;  // of the others: a connection was free for them in time
    std::uint64_t clipped = 0;  // latencies beyond latency_ns_max, recorded as that
    std::uint64_t cpu_ns = 0;  // that the load thread spent before the measurement's end
    std::uint32_t open_connections_count = 0;

    void clear();
    // Both have the same rows of endpoints.
    void add(const Span& other);
    // An empty span gets a row for each name.
    void make_rows(const std::vector<std::string>& names);
};

// When a run measures, in monotonic ns. Without an end it does until it is over.
struct Measurement {
    static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t second_half_ns = never;
    std::uint64_t end_ns = never;
    std::uint64_t in_time_until_ns = never;  // what is sent later was not offered when it should have been
};
// A request that is sent this soon after it fell due, or after the end of the schedule, is in time. A short stall at
// the end says nothing about the rate.
inline constexpr std::uint64_t late_ns_max = 100'000'000;

// How a request ended, as far as latencies and endpoints are concerned.
struct Ending {
    static constexpr std::uint16_t no_row = std::numeric_limits<std::uint16_t>::max();
    std::uint16_t row_index = no_row;  // of its endpoint; no_row: endpoints are not told apart, or it was never sent
    bool is_success = true;
};

class Recorder {
  public:
    // `endpoint_names`: those that have figures of their own. `has_tls`: connections shake hands.
    explicit Recorder(const std::vector<std::string>& endpoint_names = {}, bool has_tls = false);

    // --- the load thread's ---
    // Counts that belong to no request: connections, bytes.
    Counts& counts() { return spans_[index_].counts; }
    // The counts to which a request belongs; see Counts.
    Counts& counts_of(std::uint64_t intended_ns) { return is_ignored(intended_ns) ? ignored_ : counts(); }
    // Likewise of its endpoint. Counts that nobody reads if it has no row.
    Counts& endpoint_counts_of(std::uint64_t intended_ns, std::uint16_t row_index) {
        return row_index == Ending::no_row || is_ignored(intended_ns) ? ignored_
                                                                      : spans_[index_].endpoints[row_index].counts;
    }
    void count_due(std::uint64_t intended_ns) {
        ++counts_of(intended_ns).planned;
        if (intended_ns >= measurement_.second_half_ns) ++spans_[index_].second_half_planned_count;
    }
    void count_response(std::uint64_t intended_ns, std::uint64_t done_ns) {
        ++counts_of(intended_ns).responses;
        if (done_ns > measurement_.end_ns) return;
        ++spans_[index_].timely_responses;
        count_end(done_ns);
    }
    void count_fault(Fault fault, std::uint64_t intended_ns, std::uint64_t now_ns) {
        ++counts_of(intended_ns).faults[static_cast<std::size_t>(fault)];
        if (fault != Fault::never_sent && fault != Fault::interrupted) count_end(now_ns);
    }
    // The warm-up is over: requests that fell due before `begin_ns` do not count.
    void ignore_before(std::uint64_t begin_ns) { measured_begin_ns_ = begin_ns; }
    void plan(const Measurement& measurement) { measurement_ = measurement; }
    [[nodiscard]] const Measurement& measurement() const { return measurement_; }
    // The run was interrupted: nothing is measured after `end_ns`, and the second half is not judged.
    void end_measurement(std::uint64_t end_ns) {
        measurement_.end_ns = std::min(measurement_.end_ns, end_ns);
        measurement_.second_half_ns = Measurement::never;
    }
    // CPU time that was spent before is not the run's.
    void begin(std::uint64_t cpu_ns) {
        counts() = {};
        cpu_begin_ns_ = cpu_ns;
        has_begun_ = true;
    }
    // A TLS handshake was completed. Before begin() it opened a connection of the run, which is told apart.
    void record_handshake(bool is_resumed, std::uint64_t begin_ns, std::uint64_t end_ns) {
        const Handshakes& handshakes = spans_[index_].handshakes;
        const Histogram& of_run = is_resumed ? handshakes.resumed : handshakes.full;
        record_value((has_begun_ ? of_run : handshakes_before_).get(), begin_ns, end_ns);
    }

    // The request's three times, of the run's clock, and since when it could have been sent.
    void record(std::uint64_t intended_ns, std::uint64_t sent_ns, std::uint64_t done_ns, Ending ending) {
        if (is_ignored(intended_ns)) return;
        record_value(spans_[index_].latencies.uncorrected.get(), sent_ns, done_ns);
        record_corrected(intended_ns, done_ns, ending);
    }
    void record_never_sent(std::uint64_t intended_ns, std::uint64_t given_up_ns) {
        if (!is_ignored(intended_ns)) record_corrected(intended_ns, given_up_ns, {.is_success = false});
    }
    // `backed_off_ns`: what of the lag the generator waited before it connected again.
    void record_lag(std::uint64_t intended_ns, std::uint64_t sendable_ns, std::uint64_t sent_ns,
                    std::uint64_t backed_off_ns) {
        if (is_ignored(intended_ns)) return;
        if (is_in_time(intended_ns, sent_ns)) ++spans_[index_].sent_in_time;
        else if (is_in_time(intended_ns, sendable_ns)) ++spans_[index_].late_by_generator_count;
        record_value(spans_[index_].latencies.lag.get(), intended_ns, sent_ns);
        record_value(spans_[index_].own_lag.get(), std::max(intended_ns, sendable_ns) - backed_off_ns, sent_ns);
    }
    // `cpu_ns`: spent so far. What was spent since the last call counts in this span if it `is_measured`.
    void add_cpu(std::uint64_t cpu_ns, bool is_measured);
    // Ends the span at `end_ns` and begins the next.
    void publish(std::uint64_t end_ns, std::uint32_t open_connections_count);
    // As publish(), after the last request; waits until there is room.
    void publish_last(std::uint64_t end_ns, std::uint32_t open_connections_count);

    // --- the coordinator's ---
    // The oldest published span, null if there is none; release() gives it back.
    [[nodiscard]] Span* published();
    void release();
    // Absent without TLS. After the load thread has ended.
    [[nodiscard]] const Histogram& handshakes_before() const { return handshakes_before_; }

  private:
    static constexpr std::size_t spans_count = 4;

    [[nodiscard]] bool is_ignored(std::uint64_t intended_ns) const { return intended_ns < measured_begin_ns_; }
    [[nodiscard]] bool is_in_time(std::uint64_t intended_ns, std::uint64_t ns) const {
        return ns <= measurement_.in_time_until_ns || ns <= intended_ns + late_ns_max;
    }
    void count_end(std::uint64_t now_ns) {
        if (now_ns >= measurement_.second_half_ns && now_ns <= measurement_.end_ns)
            ++spans_[index_].second_half_ended_count;
    }
    void record_corrected(std::uint64_t intended_ns, std::uint64_t end_ns, Ending ending) {
        Span& span = spans_[index_];
        record_value(span.latencies.corrected.get(), intended_ns, end_ns);
        if (!ending.is_success) record_value(span.latencies.failed.get(), intended_ns, end_ns);
        if (ending.row_index == Ending::no_row) return;
        EndpointFigures& endpoint = span.endpoints[ending.row_index];
        record_value(endpoint.corrected.get(), intended_ns, end_ns);
        if (!ending.is_success) record_value(endpoint.failed.get(), intended_ns, end_ns);
    }
    void record_value(hdr_histogram* histogram, std::uint64_t begin_ns, std::uint64_t end_ns) {
        const auto ns = static_cast<std::int64_t>(end_ns > begin_ns ? end_ns - begin_ns : 0);
        if (ns > latency_ns_max && histogram == spans_[index_].latencies.corrected.get()) ++spans_[index_].clipped;
        hdr_record_value(histogram, std::clamp<std::int64_t>(ns, 1, latency_ns_max));
    }
    void end_span(std::uint64_t end_ns, std::uint32_t open_connections_count);
    [[nodiscard]] bool has_free_span() const;

    std::array<Span, spans_count> spans_;
    std::size_t index_ = 0;  // spans_ in use by the load thread
    Counts ignored_;
    Measurement measurement_;
    std::uint64_t measured_begin_ns_ = 0;  // 0: all requests count
    std::uint64_t cpu_begin_ns_ = 0;
    Histogram handshakes_before_;  // begin()
    bool has_begun_ = false;
    alignas(cache_line_bytes) std::atomic<std::uint64_t> published_count_{
        0};  // stored (release) by publish, loaded (acquire) by published
    alignas(cache_line_bytes) std::atomic<std::uint64_t> released_count_{
        0};  // stored (release) by release, loaded (acquire) by publish
};

}  // namespace sluice::load
