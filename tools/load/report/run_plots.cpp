#include "tools/load/report/run_plots.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "tools/load/result/percentiles.hpp"

namespace sluice::load {
namespace {

// More points than this do not show on a page; the seconds of a longer run are drawn in groups.
constexpr std::size_t time_points_max = 900;

// Spans end where warm-up and run end, and the last answers come a moment after: a rate of so little time is chance.
constexpr double short_span_s = 0.5;

enum class Grouping : std::uint8_t {
    highest,
    mean,  // of a level
    rate,  // a count, divided by the time in which it was counted
};

std::size_t group_size(const RunResult& result) {
    return std::max<std::size_t>(1, (result.seconds.size() + time_points_max - 1) / time_points_max);
}

std::string grouped_note(const RunResult& result, std::string_view of_each) {
    const std::size_t size = group_size(result);
    return size == 1 ? std::string() : fmt::format(" Each point is {} of {} seconds.", of_each, size);
}

// What is drawn as one point: a second, or a group of them, and with it the short span that ends its part of the run.
std::vector<std::span<const Second>> groups_of(const RunResult& result) {
    const std::span<const Second> seconds(result.seconds);
    const std::size_t size = group_size(result);
    std::vector<std::span<const Second>> groups;
    for (std::size_t begin = 0, end = 0; begin < seconds.size(); begin = end) {
        end = std::min(begin + size, seconds.size());
        while (end < seconds.size() && seconds[end].end_s - seconds[end].begin_s < short_span_s &&
               seconds[end].is_warmup == seconds[end - 1].is_warmup)
            ++end;
        groups.push_back(seconds.subspan(begin, end - begin));
    }
    return groups;
}

// One figure of each group, at the middle of its span.
Series over_time(const RunResult& result, std::string name, Grouping grouping, double (*figure)(const Second&)) {
    Series series{.name = std::move(name), .points = {}};
    for (const std::span<const Second> group : groups_of(result)) {
        double highest = 0;
        double sum = 0;
        for (const Second& second : group) {
            const double value = figure(second);
            highest = std::max(highest, value);
            sum += value;
        }
        const double begin_s = group.front().begin_s;
        const double end_s = group.back().end_s;
        const double divisor = grouping == Grouping::rate ? end_s - begin_s : static_cast<double>(group.size());
        series.points.push_back(
            {.x = (begin_s + end_s) / 2, .y = grouping == Grouping::highest ? highest : sum / divisor});
    }
    return series;
}

Plot time_plot(const RunResult& result, std::string title, std::string description, AxisOptions y) {
    Plot plot{.title = std::move(title),
              .description = std::move(description),
              .x = {.label = "time since the start", .quantity = Quantity::seconds, .low = 0, .high = {}},
              .y = std::move(y),
              .series = {},
              .bands = {}};
    if (!result.seconds.empty()) plot.x.high = result.seconds.back().end_s;
    if (result.warmup_s > 0)
        plot.bands.push_back({.name = "warm-up, not counted", .begin_x = 0, .end_x = result.warmup_s});
    return plot;
}

AxisOptions count_axis(std::string label) {
    return {.label = std::move(label), .quantity = Quantity::whole, .low = {}, .high = {}};
}

double of(std::uint64_t value) { return static_cast<double>(value); }

}  // namespace

AxisOptions latency_axis() {
    return {.label = "latency, logarithmic", .scale = Scale::log10, .quantity = Quantity::ns, .low = {}, .high = {}};
}

Series percentile_series(std::string name, const Histogram& histogram) {
    Series series{.name = std::move(name), .points = {}};
    if (count_of(histogram) == 0) return series;
    constexpr std::int32_t points_per_halving = 20;
    hdr_iter iterator;
    ::hdr_iter_percentile_init(&iterator, histogram.get(), points_per_halving);
    while (::hdr_iter_next(&iterator)) {
        series.points.push_back({.x = iterator.specifics.percentiles.percentile,
                                 .y = static_cast<double>(iterator.highest_equivalent_value)});
    }
    return series;
}

Plot percentile_plot(std::vector<Series> series, std::uint64_t count) {
    constexpr double count_min = 100;  // two nines at least
    return {.title = "Latency by percentile",
            .description = "How long all but the slowest requests took; each step to the right leaves a tenth of them.",
            .x = {.label = "share of requests that are no slower",
                  .scale = Scale::percentile,
                  .quantity = Quantity::share,
                  .low = 0,
                  .high = 100 * (1 - 1 / std::max(count_min, static_cast<double>(count)))},
            .y = latency_axis(),
            .series = std::move(series),
            .bands = {}};
}

Plot latency_by_percentile(const RunResult& result) {
    const Latencies& latencies = result.latencies;
    return percentile_plot({percentile_series("corrected: from the intended start", latencies.corrected),
                            percentile_series("uncorrected: from the actual send", latencies.uncorrected),
                            percentile_series("lag: from the intended start to the actual send", latencies.lag)},
                           count_of(latencies.corrected));
}

Plot latency_by_endpoint(const RunResult& result) {
    std::vector<Series> series;
    for (const EndpointFigures& endpoint : result.endpoints)
        series.push_back(percentile_series(endpoint.name, endpoint.corrected));
    Plot plot = percentile_plot(std::move(series), count_of(result.latencies.corrected));
    plot.title = "Latency by endpoint";
    plot.description = "The corrected latency of each endpoint by percentile.";
    return plot;
}

Plot latency_over_time(const RunResult& result) {
    Plot plot = time_plot(result, "Latency over time",
                          "Percentiles of each second, corrected: a request counts in the second in which it ends." +
                              grouped_note(result, "the worst"),
                          latency_axis());
    plot.series = {
        over_time(result, "p50", Grouping::highest, [](const Second& second) { return of(second.p50_ns); }),
        over_time(result, "p90", Grouping::highest, [](const Second& second) { return of(second.p90_ns); }),
        over_time(result, "p99", Grouping::highest, [](const Second& second) { return of(second.p99_ns); }),
        over_time(result, "p99.9", Grouping::highest, [](const Second& second) { return of(second.p999_ns); }),
        over_time(result, "slowest", Grouping::highest, [](const Second& second) { return of(second.max_ns); }),
        over_time(result, "p99, uncorrected", Grouping::highest,
                  [](const Second& second) { return of(second.uncorrected_p99_ns); })};
    return plot;
}

Plot rate_over_time(const RunResult& result) {
    Plot plot = time_plot(result, "Rate over time",
                          std::string(result.is_open_loop ? "Requests that fell due" : "Requests that users sent") +
                              " and responses that came." + grouped_note(result, "the mean"),
                          count_axis("requests per second"));
    // A closed loop plans users and no requests.
    if (result.is_open_loop)
        plot.series.push_back(
            over_time(result, "planned", Grouping::rate, [](const Second& second) { return of(second.planned); }));
    plot.series.push_back(
        over_time(result, "sent", Grouping::rate, [](const Second& second) { return of(second.sent); }));
    plot.series.push_back(
        over_time(result, "responses", Grouping::rate, [](const Second& second) { return of(second.responses); }));
    return plot;
}

Plot errors_over_time(const RunResult& result) {
    Plot plot =
        time_plot(result, "Errors over time", "Failed requests of every kind." + grouped_note(result, "the mean"),
                  count_axis("failed requests per second"));
    plot.series = {over_time(result, "failed", Grouping::rate, [](const Second& second) { return of(second.failed); })};
    return plot;
}

Plot lag_over_time(const RunResult& result) {
    Plot plot = time_plot(result, "Lag before sending",
                          "From the intended start to the actual send: the wait for a free connection, and what "
                          "sluice-load itself adds." +
                              grouped_note(result, "the worst"),
                          latency_axis());
    plot.series = {over_time(result, "p99 of the lag", Grouping::highest,
                             [](const Second& second) { return of(second.lag_p99_ns); })};
    return plot;
}

Plot connections_over_time(const RunResult& result) {
    Plot plot = time_plot(result, "Open connections", "At the end of each second." + grouped_note(result, "the mean"),
                          count_axis("connections"));
    plot.series = {over_time(result, "open", Grouping::mean,
                             [](const Second& second) { return of(second.open_connections_count); })};
    return plot;
}

}  // namespace sluice::load
