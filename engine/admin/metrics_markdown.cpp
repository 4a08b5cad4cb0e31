#include "engine/admin/metrics_markdown.hpp"

#include <fmt/format.h>

#include <string_view>

#include "engine/admin/metric_table.hpp"

namespace sluice {
namespace {

std::string_view name_of(MetricKind kind) {
    switch (kind) {
        case MetricKind::counter: return "counter";
        case MetricKind::gauge: return "gauge";
        case MetricKind::histogram: return "histogram";
    }
    return "";
}

std::string_view name_of(MetricUnit unit) {
    switch (unit) {
        case MetricUnit::count: return "count";
        case MetricUnit::bytes: return "bytes";
        case MetricUnit::seconds: return "seconds";
        case MetricUnit::flag: return "0 or 1";
        case MetricUnit::ratio: return "ratio";
    }
    return "";
}

std::string code(std::string_view text) { return text.empty() ? std::string() : fmt::format("`{}`", text); }

// `a`, `b` of "a, b".
std::string codes(std::string_view list) {
    const std::size_t comma = list.find(", ");
    if (comma == std::string_view::npos) return code(list);
    return code(list.substr(0, comma)) + ", " + codes(list.substr(comma + 2));
}

// Empty for a row that is in /status only: labels are of /metrics.
std::string labels_of(const Metric& metric, std::string_view source_labels) {
    if (metric.name.empty()) return {};
    const std::string_view comma = source_labels.empty() || metric.label.empty() ? "" : ", ";
    return fmt::format("{}{}{}", codes(source_labels), comma, codes(metric.label));
}

// A unit test keeps `|` and line feeds out of the help, so it needs no escapes in a table.
std::string row(const Metric& metric, std::string_view source_labels) {
    return fmt::format("| {} | {} | {} | {} | {} | {} |\n", code(metric.name), name_of(metric.kind),
                       name_of(metric.unit), labels_of(metric, source_labels), code(metric.member), metric.help);
}

std::string heading(const MetricGroup& group) {
    std::string text =
        fmt::format("### {}\n\nCounted by {}, in `{}`.", group.title, group.counted_by, group.counted_in);
    if (!group.status.empty()) text += fmt::format(" In `/status`: members of {}.", codes(group.status));
    if (!group.present.empty()) text += fmt::format(" Present {}.", group.present);
    return text + "\n\n| metric | kind | unit | labels | `/status` | help |\n|---|---|---|---|---|---|\n";
}

}  // namespace

// Groups that would not be present are printed, too: no engine runs here that could be asked.
std::string print_metrics() {
    std::string text;
    for (const MetricGroup& group : metric_groups()) {
        text += (text.empty() ? "" : "\n") + heading(group);
        const auto add_rows = [&](const auto& metrics) {
            for (const Metric& metric : metrics) text += row(metric, group.label);
        };
        std::visit(add_rows, group.metrics);
    }
    return text;
}

}  // namespace sluice
