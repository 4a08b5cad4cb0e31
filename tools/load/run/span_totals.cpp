#include "tools/load/run/span_totals.hpp"

#include <algorithm>

#include "tools/load/plan/endpoint_rows.hpp"
#include "tools/load/result/percentiles.hpp"

namespace sluice::load {
namespace {

// The last span begins where the schedule ends. Threads that wait for nothing end it at once.
constexpr std::uint64_t phantom_span_ns_max = 100'000'000;

// A short span in which nothing happened. A row of zeros would look like a second without an answer.
bool is_phantom(const Span& span) {
    const Counts& counts = span.counts;
    return span.end_ns - span.begin_ns < phantom_span_ns_max && counts.planned + counts.sent + counts.responses +
                                                                        counts.failed() + counts.connects +
                                                                        counts.sent_bytes + counts.received_bytes ==
                                                                    0;
}

}  // namespace

SpanTotals::SpanTotals(const RunPlan& plan, const std::vector<Observer*>& observers, RunResult& result)
    : plan_(plan), observers_(observers), result_(result) {
    result_.latencies = {make_histogram(), make_histogram(), make_histogram(), make_histogram()};
    const EndpointRows rows = endpoint_rows_of(plan);
    interval_.make_rows(rows.names);
    for (const std::string& name : rows.names) result_.endpoints.push_back(make_endpoint_figures(name));
    if (!plan.tls) return;
    interval_.handshakes = make_handshakes();
    total_.handshakes = make_handshakes();
}

bool SpanTotals::take(Threads& threads) {
    // A thread whose spans had to be merged is ahead of the others: their warm-up comes first.
    const bool takes_warmup = std::any_of(threads.begin(), threads.end(), [&](const auto& thread) {
        const Span* span = thread->recorder().published();
        return span != nullptr && is_warmup(*span);
    });
    bool has_taken = false;
    cpu_ns_.resize(threads.size());
    for (std::size_t i = 0; i < threads.size(); ++i) {
        Span* span = threads[i]->recorder().published();
        if (span == nullptr || is_warmup(*span) != takes_warmup) continue;
        if (!has_taken) interval_.begin_ns = span->begin_ns;
        interval_.end_ns = std::max(has_taken ? interval_.end_ns : 0, span->end_ns);
        has_taken = true;
        if (!takes_warmup) cpu_ns_[i] += span->cpu_ns;
        interval_.add(*span);
        threads[i]->recorder().release();
    }
    if (has_taken) end_interval();
    return has_taken;
}

void SpanTotals::begin_stop() {
    is_stopping_ = true;
    for (Observer* observer : observers_) observer->on_stopping();
}

std::uint64_t SpanTotals::own_lag_p99_ns() const { return value_at_ns(own_lag_, 99); }

void SpanTotals::finish(std::uint64_t stopped_ns) {
    const std::uint64_t end_ns = stopped_ns != 0 ? stopped_ns : last_end_ns_;
    const double elapsed_s = std::max(static_cast<double>(end_ns) / 1e9 - plan_.warmup_s, 1e-9);
    const bool is_by_count = plan_.requests_count_max != 0;
    result_.warmup_s = plan_.warmup_s;
    result_.duration_s = elapsed_s < plan_.duration_s || is_by_count ? elapsed_s : plan_.duration_s;
    // The last of N requests counts with the time until the next would be due. Otherwise one request would be a rate of
    // thousands.
    const bool is_whole = is_by_count && plan_.is_open_loop && stopped_ns == 0;
    const double schedule_s =
        is_whole ? static_cast<double>(plan_.requests_count_max) / plan_.arrivals.rate.level_max() : 0;
    result_.achieved_rate = static_cast<double>(total_.timely_responses) / std::max(result_.duration_s, schedule_s);
    if (plan_.is_open_loop)
        result_.planned_rate = is_by_count ? plan_.arrivals.rate.level_max()
                                           : static_cast<double>(result_.totals.planned) / result_.duration_s;
    for (const std::uint64_t cpu_ns : cpu_ns_)
        result_.cpu_busiest = std::max(result_.cpu_busiest, static_cast<double>(cpu_ns) / 1e9 / result_.duration_s);
    result_.cpu_busiest = std::min(result_.cpu_busiest, 1.0);
    if (result_.tls) result_.tls->handshakes = std::move(total_.handshakes);
}

bool SpanTotals::is_warmup(const Span& span) const {
    return static_cast<double>(span.end_ns) / 1e9 <= plan_.warmup_s + 1e-6;
}

void SpanTotals::end_interval() {
    const bool warmup = is_warmup(interval_);
    if (!warmup) add_to_result();
    last_end_ns_ = interval_.end_ns;
    if (!is_phantom(interval_)) {
        result_.seconds.push_back(second_of(warmup));
        notify_observers(warmup);
    }
    interval_.clear();
    interval_.open_connections_count = 0;
}

void SpanTotals::add_to_result() {
    total_.add(interval_);
    result_.totals = total_.counts;
    add_histogram(interval_.latencies.corrected, result_.latencies.corrected);
    add_histogram(interval_.latencies.uncorrected, result_.latencies.uncorrected);
    add_histogram(interval_.latencies.lag, result_.latencies.lag);
    add_histogram(interval_.latencies.failed, result_.latencies.failed);
    add_histogram(interval_.own_lag, own_lag_);
    for (std::size_t row = 0; row < result_.endpoints.size(); ++row) {
        result_.endpoints[row].counts.add(interval_.endpoints[row].counts);
        add_histogram(interval_.endpoints[row].corrected, result_.endpoints[row].corrected);
        add_histogram(interval_.endpoints[row].failed, result_.endpoints[row].failed);
    }
}

Second SpanTotals::second_of(bool warmup) const {
    const Histogram& corrected = interval_.latencies.corrected;
    return {.begin_s = static_cast<double>(interval_.begin_ns) / 1e9,
            .end_s = static_cast<double>(interval_.end_ns) / 1e9,
            .is_warmup = warmup,
            .planned = interval_.counts.planned,
            .sent = interval_.counts.sent,
            .responses = interval_.counts.responses,
            .failed = interval_.counts.failed(),
            .p50_ns = value_at_ns(corrected, 50),
            .p90_ns = value_at_ns(corrected, 90),
            .p99_ns = value_at_ns(corrected, 99),
            .p999_ns = value_at_ns(corrected, 99.9),
            .max_ns = value_at_ns(corrected, 100),
            .uncorrected_p99_ns = value_at_ns(interval_.latencies.uncorrected, 99),
            .lag_p99_ns = value_at_ns(interval_.latencies.lag, 99),
            .open_connections_count = interval_.open_connections_count};
}

void SpanTotals::notify_observers(bool warmup) {
    Interval interval;
    interval.begin_s = static_cast<double>(interval_.begin_ns) / 1e9;
    interval.end_s = static_cast<double>(interval_.end_ns) / 1e9;
    interval.is_warmup = warmup;
    interval.open_connections_count = interval_.open_connections_count;
    interval.counts = interval_.counts;
    interval.latencies = &interval_.latencies;
    interval.endpoints = interval_.endpoints;
    if (is_stopping_) interval.left_s = 0;
    else if (plan_.requests_count_max == 0)
        interval.left_s = std::max(0.0, plan_.warmup_s + plan_.duration_s - interval.end_s);
    for (Observer* observer : observers_) observer->on_interval(interval);
}

}  // namespace sluice::load
