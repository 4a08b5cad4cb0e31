#include "tools/load/run/recorder.hpp"

#include <unistd.h>

#include <utility>

#include "tools/load/result/percentiles.hpp"

namespace sluice::load {
namespace {

constexpr unsigned swap_look_interval_us = 1000;

// An empty one is left alone: its memory may never have been touched.
void reset(const Histogram& histogram) {
    if (count_of(histogram) != 0) ::hdr_reset(histogram.get());
}

}  // namespace

EndpointFigures make_endpoint_figures(std::string name) {
    return {.name = std::move(name), .counts = {}, .corrected = make_histogram(), .failed = make_histogram()};
}

void Span::make_rows(const std::vector<std::string>& names) {
    for (const std::string& name : names) endpoints.push_back(make_endpoint_figures(name));
}

void Span::clear() {
    counts = {};
    for (const Histogram* histogram : {&latencies.corrected, &latencies.uncorrected, &latencies.lag, &latencies.failed,
                                       &own_lag, &handshakes.full, &handshakes.resumed})
        reset(*histogram);
    for (EndpointFigures& endpoint : endpoints) {
        endpoint.counts = {};
        reset(endpoint.corrected);
        reset(endpoint.failed);
    }
    timely_responses = second_half_planned_count = second_half_ended_count = sent_in_time = late_by_generator_count = 0;
    clipped = 0;
    cpu_ns = 0;
}

void Span::add(const Span& other) {
    counts.add(other.counts);
    add_histogram(other.latencies.corrected, latencies.corrected);
    add_histogram(other.latencies.uncorrected, latencies.uncorrected);
    add_histogram(other.latencies.lag, latencies.lag);
    add_histogram(other.latencies.failed, latencies.failed);
    add_histogram(other.own_lag, own_lag);
    add_histogram(other.handshakes.full, handshakes.full);
    add_histogram(other.handshakes.resumed, handshakes.resumed);
    for (std::size_t row = 0; row < endpoints.size(); ++row) {
        endpoints[row].counts.add(other.endpoints[row].counts);
        add_histogram(other.endpoints[row].corrected, endpoints[row].corrected);
        add_histogram(other.endpoints[row].failed, endpoints[row].failed);
    }
    timely_responses += other.timely_responses;
    second_half_planned_count += other.second_half_planned_count;
    second_half_ended_count += other.second_half_ended_count;
    sent_in_time += other.sent_in_time;
    late_by_generator_count += other.late_by_generator_count;
    clipped += other.clipped;
    open_connections_count += other.open_connections_count;
}

Recorder::Recorder(const std::vector<std::string>& endpoint_names, bool has_tls) {
    for (Span& span : spans_) span.make_rows(endpoint_names);
    if (!has_tls) return;
    for (Span& span : spans_) span.handshakes = make_handshakes();
    handshakes_before_ = make_histogram();
}

bool Recorder::has_free_span() const {
    // Acquire: pairs with release(); the span that becomes ours was cleared before.
    return published_count_.load(std::memory_order_relaxed) + 1 - released_count_.load(std::memory_order_acquire) <
           spans_count;
}

void Recorder::add_cpu(std::uint64_t cpu_ns, bool is_measured) {
    if (is_measured) spans_[index_].cpu_ns += cpu_ns - std::min(cpu_ns, cpu_begin_ns_);
    cpu_begin_ns_ = cpu_ns;
}

void Recorder::end_span(std::uint64_t end_ns, std::uint32_t open_connections_count) {
    Span& span = spans_[index_];
    span.end_ns = end_ns;
    span.open_connections_count = open_connections_count;
    index_ = (index_ + 1) % spans_count;
    spans_[index_].begin_ns = end_ns;
    // Release: pairs with published().
    published_count_.store(published_count_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void Recorder::publish(std::uint64_t end_ns, std::uint32_t open_connections_count) {
    if (has_free_span()) end_span(end_ns, open_connections_count);
}

void Recorder::publish_last(std::uint64_t end_ns, std::uint32_t open_connections_count) {
    while (!has_free_span()) ::usleep(swap_look_interval_us);
    end_span(end_ns, open_connections_count);
}

Span* Recorder::published() {
    const std::uint64_t released = released_count_.load(std::memory_order_relaxed);
    // Acquire: pairs with end_span().
    if (published_count_.load(std::memory_order_acquire) == released) return nullptr;
    return &spans_[released % spans_count];
}

void Recorder::release() {
    const std::uint64_t released = released_count_.load(std::memory_order_relaxed);
    spans_[released % spans_count].clear();
    // Release: pairs with has_free_span().
    released_count_.store(released + 1, std::memory_order_release);
}

}  // namespace sluice::load
