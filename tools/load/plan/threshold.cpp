#include "tools/load/plan/threshold.hpp"

#include <algorithm>

#include "engine/core/escape.hpp"
#include "tools/load/result/counts_text.hpp"
#include "tools/load/result/percentiles.hpp"

namespace sluice::load {
namespace {

constexpr std::string_view form = "p99<500ms, avg<10ms, max<1s, errors<1% or rate>1000/s";

std::unexpected<PlanError> wrong(std::string_view text) {
    return std::unexpected(PlanError{quoted(text, 64) + " is no threshold; write " + std::string(form)});
}

std::string percent(double share) { return format_number(share * 100, 3) + " %"; }

struct Measured {
    double value;
    std::string text;
    bool exists;
};

double latency_ns_of(const Threshold& threshold, const Histogram& histogram) {
    switch (threshold.metric) {
        case Threshold::Metric::mean: return mean_ns(histogram);
        case Threshold::Metric::max: return static_cast<double>(max_ns(histogram));
        default: return static_cast<double>(value_at_ns(histogram, threshold.percentile));
    }
}

std::string latency_text(double ns) { return format_ns(static_cast<std::uint64_t>(ns)); }

// Of the successes: how fast a server refuses says nothing of how fast it serves. Where requests failed, the figure of
// all requests stands beside it.
Measured measure_latency(const Threshold& threshold, const RunResult& result) {
    const Latencies& latencies = result.latencies;
    const double of_all_ns = latency_ns_of(threshold, latencies.corrected);
    if (count_of(latencies.failed) == 0) {
        const bool exists = count_of(latencies.corrected) != 0;
        return {of_all_ns, exists ? latency_text(of_all_ns) : "no response", exists};
    }
    const Histogram succeeded = difference_of(latencies.corrected, latencies.failed);
    const bool exists = count_of(succeeded) != 0;
    const double ns = latency_ns_of(threshold, succeeded);
    return {ns,
            (exists ? latency_text(ns) + " of successes" : "no success") + ", " + latency_text(of_all_ns) + " of all",
            exists};
}

Measured measure(const Threshold& threshold, const RunResult& result) {
    if (threshold.metric == Threshold::Metric::rate)
        return {result.success_rate(), format_rate(result.success_rate()), true};
    if (threshold.metric != Threshold::Metric::errors) return measure_latency(threshold, result);
    const double share = result.totals.failed_share();
    return {share, percent(share), result.totals.succeeded + result.totals.failed() != 0};
}

}  // namespace

std::expected<Threshold, PlanError> parse_threshold(std::string_view text) {
    const std::size_t relation = text.find_first_of("<>");
    if (relation == std::string_view::npos) return wrong(text);
    const std::string_view metric = text.substr(0, relation);
    const bool has_equals = text.substr(relation + 1).starts_with('=');
    const std::string_view bound = text.substr(relation + (has_equals ? 2 : 1));
    if (bound.empty() || bound == "%") return wrong(text);
    Threshold threshold;
    threshold.text = std::string(text);
    if (text[relation] == '<')
        threshold.relation = has_equals ? Threshold::Relation::at_most : Threshold::Relation::below;
    else threshold.relation = has_equals ? Threshold::Relation::at_least : Threshold::Relation::above;

    if (metric == "rate") {
        const auto rate = parse_rate(bound);
        if (!rate) return std::unexpected(rate.error());
        threshold.metric = Threshold::Metric::rate;
        threshold.bound = *rate;
        return threshold;
    }
    if (metric == "errors") {
        const bool is_percent = bound.ends_with('%');
        const auto share = parse_number(is_percent ? bound.substr(0, bound.size() - 1) : bound);
        if (!share) return std::unexpected(share.error());
        threshold.metric = Threshold::Metric::errors;
        threshold.bound = is_percent ? *share / 100 : *share;
        if (threshold.bound < 0 || threshold.bound > 1)
            return std::unexpected(
                PlanError{quoted(text, 64) +
                          " has no share from 0% to 100%, such as errors<1%; errors<=100% allows all to fail"});
        return threshold;
    }
    if (metric == "avg" || metric == "mean") {
        threshold.metric = Threshold::Metric::mean;
    } else if (metric == "max") {
        threshold.metric = Threshold::Metric::max;
    } else {
        const auto percentile = metric.starts_with('p') ? parse_number(metric.substr(1)) : parse_number("");
        if (!percentile || *percentile <= 0 || *percentile > 100) return wrong(text);
        threshold.percentile = *percentile;
    }
    const auto span_ns = parse_span_ns(bound);
    if (!span_ns) return std::unexpected(span_ns.error());
    threshold.bound = static_cast<double>(*span_ns);
    return threshold;
}

ThresholdResult evaluate(const Threshold& threshold, const RunResult& result) {
    const Measured measured = measure(threshold, result);
    bool holds = false;
    switch (threshold.relation) {
        case Threshold::Relation::below: holds = measured.value < threshold.bound; break;
        case Threshold::Relation::at_most: holds = measured.value <= threshold.bound; break;
        case Threshold::Relation::above: holds = measured.value > threshold.bound; break;
        case Threshold::Relation::at_least: holds = measured.value >= threshold.bound; break;
    }
    return {threshold.text, measured.text, holds && measured.exists};
}

// What was never sent, or was broken off by the user, is no fault of the server.
std::string failure_of(std::span<const Threshold> thresholds, const RunResult& result) {
    const auto bounds_errors = [](const Threshold& one) { return one.metric == Threshold::Metric::errors; };
    if (std::ranges::any_of(thresholds, bounds_errors)) return {};
    const Counts& totals = result.totals;
    const auto count_of_fault = [&](Fault fault) { return totals.faults[static_cast<std::size_t>(fault)]; };
    const std::uint64_t unsent_count = count_of_fault(Fault::never_sent);
    const std::uint64_t failed_count = totals.failed() - unsent_count - count_of_fault(Fault::interrupted);
    const bool is_all = totals.succeeded == 0 && failed_count + unsent_count != 0;
    if (!is_all && failed_count <= totals.succeeded) return {};
    const std::uint64_t shown_count = is_all ? failed_count + unsent_count : failed_count;
    const std::string statuses = statuses_text(totals, ", ");
    return std::to_string(shown_count) + " of " + std::to_string(totals.succeeded + shown_count) +
           " requests failed (" + faults_text(totals, ", ") + (statuses.empty() ? "" : "; statuses " + statuses) + ").";
}

}  // namespace sluice::load
