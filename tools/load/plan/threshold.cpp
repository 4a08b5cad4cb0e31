#include "tools/load/plan/threshold.hpp"

#include "engine/core/escape.hpp"

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

Measured latency(double ns, bool exists) {
    return {ns, exists ? format_ns(static_cast<std::uint64_t>(ns)) : "no response", exists};
}

Measured measure(const Threshold& threshold, const RunResult& result) {
    const hdr_histogram* histogram = result.latencies.corrected.get();
    const bool exists = histogram->total_count != 0;
    switch (threshold.metric) {
        case Threshold::Metric::percentile:
            return latency(static_cast<double>(hdr_value_at_percentile(histogram, threshold.percentile)), exists);
        case Threshold::Metric::mean: return latency(exists ? hdr_mean(histogram) : 0, exists);
        case Threshold::Metric::max: return latency(static_cast<double>(hdr_max(histogram)), exists);
        case Threshold::Metric::errors: {
            const double share = result.totals.failed_share();
            return {share, percent(share), result.totals.succeeded + result.totals.failed() != 0};
        }
        case Threshold::Metric::rate: break;
    }
    return {result.success_rate(), format_rate(result.success_rate()), true};
}

}  // namespace

std::expected<Threshold, PlanError> parse_threshold(std::string_view text) {
    const std::size_t relation = text.find_first_of("<>");
    if (relation == std::string_view::npos) return wrong(text);
    const std::string_view metric = text.substr(0, relation);
    const bool has_equals = text.substr(relation + 1).starts_with('=');
    const std::string_view bound = text.substr(relation + (has_equals ? 2 : 1));
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
        if (threshold.bound < 0 || threshold.bound > 1) return wrong(text);
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

}  // namespace sluice::load
