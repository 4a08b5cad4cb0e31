#include "tools/load/report/comparison_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tools/load/report/html_page.hpp"
#include "tools/load/report/html_text.hpp"
#include "tools/load/report/output_file.hpp"
#include "tools/load/report/run_plots.hpp"
#include "tools/load/result/counts_text.hpp"
#include "tools/load/result/percentiles.hpp"

namespace sluice::load {
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

// 12.3, 1.24, 0.87, 0.00055: three significant digits above 1, two below.
std::string ratio_digits(double ratio) {
    if (ratio <= 0) return "0";
    const int magnitude = static_cast<int>(std::floor(std::log10(ratio)));
    return fmt::format("{:.{}f}", ratio, magnitude >= 0 ? std::max(0, 2 - magnitude) : 1 - magnitude);
}

// 1.24 × and 1.18–1.31, both empty if there is no ratio.
struct RatioText {
    std::string value, interval;
};

std::string interval_of(const Estimate& ratio) {
    if (!ratio.is_known()) return "too few runs";
    if (std::isinf(ratio.low)) return "unbounded";
    if (std::isinf(ratio.high)) return ratio_digits(ratio.low) + " or more";
    return ratio_digits(ratio.low) + "–" + ratio_digits(ratio.high);
}

RatioText text_of(const Estimate& ratio) {
    if (std::isnan(ratio.value)) return {};
    return {.value = (std::isinf(ratio.value) ? "∞" : ratio_digits(ratio.value)) + " ×",
            .interval = interval_of(ratio)};
}

std::string_view target_of(const Contender& contender) {
    return contender.runs.empty() ? std::string_view() : std::string_view(contender.runs.front().target);
}

std::string markdown_cell(std::string_view text) {
    std::string cell;
    for (const char byte : text) {
        if (byte == '|') cell += '\\';
        cell += byte == '\n' || byte == '\r' ? ' ' : byte;
    }
    return cell;
}

std::string how_to_read(const Comparison& comparison) {
    const std::size_t runs_count = comparison.runs_count();
    return fmt::format("Medians of {} of each; ratios to the first{}. A rate counts successes.",
                       counted(runs_count, "run"),
                       runs_count < bootstrap_runs_min
                           ? fmt::format(", which have no interval with fewer than {} runs", bootstrap_runs_min)
                           : " with 95 % bootstrap intervals, widened for so few runs. An interval that holds 1.00 "
                             "shows no difference");
}

// What a reader must know beside the figures, as sentences.
std::vector<std::string> notes_on(const Comparison& comparison) {
    std::vector<std::string> notes;
    if (!comparison.ended_early.empty()) notes.push_back("Ended early: " + comparison.ended_early + ".");
    for (std::size_t i = 1; i < comparison.contenders.size(); ++i) {
        const std::string& name = comparison.contenders[i].name;
        if (comparison.fails_more(i))
            notes.push_back(name + " failed more often than the first: its latencies are those of failures, too.");
        if (comparison.fails_less(i))
            notes.push_back("The first failed more often than " + name + ": its latencies are those of failures, too.");
    }
    const bool has_of_failures =
        std::ranges::any_of(comparison.contenders, [](const Contender& one) { return one.has_failed(); });
    if (has_of_failures)
        notes.emplace_back("Latencies of a target with a run that FAILED are of failures, and have no ratio.");
    return notes;
}

std::string banner(std::string_view word, std::string_view what, const std::vector<std::string>& reasons) {
    if (reasons.empty()) return {};
    std::string html = fmt::format(R"(<div class="banner" role="alert"><strong>{}</strong> – {}:<ul>)", word, what);
    for (const std::string& reason : reasons)
        fmt::format_to(std::back_inserter(html), "<li>{}</li>", escaped_html(reason));
    return html + "</ul></div>\n";
}

// Green or red only where the interval excludes 1, and never in favour of the one that fails more.
std::string_view ratio_class(const Comparison& comparison, std::size_t contender, std::size_t figure) {
    const Estimate& ratio = comparison.figures[contender][figure].ratio_to_first;
    if (std::isnan(ratio.value) || !ratio.excludes(1)) return "";
    const bool is_better = (ratio.value < 1) == compared_figures()[figure].is_less_better;
    const bool is_of_failures = is_better ? comparison.fails_more(contender) : comparison.fails_less(contender);
    if (is_of_failures && figure != failed_figure_index) return "";
    return is_better ? "good" : "bad";
}

std::string figures_table(const Comparison& comparison) {
    std::string html = R"(<section><h2>Figures</h2><div class="wide"><table><thead><tr><th scope="col">target</th>)";
    auto out = std::back_inserter(html);
    for (const ComparedFigure& compared : compared_figures())
        fmt::format_to(out, R"(<th scope="col">{}</th>)", compared.name);
    html += "</tr></thead><tbody>";
    for (std::size_t i = 0; i < comparison.contenders.size(); ++i) {
        const Contender& contender = comparison.contenders[i];
        fmt::format_to(out, R"(<tr><th scope="row">{}<br><small>{}</small></th>)", escaped_html(contender.name),
                       counted(contender.runs.size(), "run"));
        for (std::size_t j = 0; j < compared_figures_count; ++j) {
            const FigureOfContender& figure = comparison.figures[i][j];
            const ComparedFigure& compared = compared_figures()[j];
            fmt::format_to(out, "<td>{}{}", std::isfinite(figure.median) ? compared.text(figure.median) : "–",
                           comparison.is_of_failures(i, j) ? "<br><small>of failures</small>" : "");
            if (i != 0) {
                const RatioText ratio = text_of(figure.ratio_to_first);
                fmt::format_to(out, R"(<br><small class="{}">{}<br>{}</small>)", ratio_class(comparison, i, j),
                               ratio.value, ratio.interval);
            }
            html += "</td>";
        }
        html += "</tr>";
    }
    return html + "</tbody></table></div></section>\n";
}

// One figure of every run, in order: shows whether runs agree.
Plot runs_plot(const Comparison& comparison, std::size_t figure, AxisOptions y) {
    Plot plot{.title = fmt::format("{}, run by run", compared_figures()[figure].name),
              .description = {},
              .x = {.label = "run", .quantity = Quantity::whole, .low = {}, .high = {}},
              .y = std::move(y),
              .series = {},
              .bands = {}};
    for (std::size_t i = 0; i < comparison.contenders.size(); ++i) {
        Series series{.name = comparison.contenders[i].name, .points = {}};
        const std::vector<double>& values = comparison.figures[i][figure].values;
        for (std::size_t run = 0; run < values.size(); ++run) {
            series.points.push_back({.x = static_cast<double>(run + 1), .y = values[run]});
        }
        plot.series.push_back(std::move(series));
    }
    return plot;
}

}  // namespace

void write_comparison_json(const Comparison& comparison, std::FILE* stream) {
    Json contenders = Json::array();
    for (std::size_t i = 0; i < comparison.contenders.size(); ++i) {
        const Contender& contender = comparison.contenders[i];
        Json figures = Json::object();
        for (std::size_t j = 0; j < compared_figures_count; ++j) {
            const FigureOfContender& figure = comparison.figures[i][j];
            figures[std::string(compared_figures()[j].key)] = {
                {"values", figure.values},
                {"median", number_or_null(figure.median)},
                {"ratio", number_or_null(figure.ratio_to_first.value)},
                {"ratio_low", number_or_null(figure.ratio_to_first.low)},
                {"ratio_high", number_or_null(figure.ratio_to_first.high)}};
        }
        contenders.push_back({{"name", contender.name},
                              {"target", target_of(contender)},
                              {"runs", contender.runs.size()},
                              {"figures", std::move(figures)}});
    }
    const std::vector<std::string> reasons = comparison.invalid_reasons();
    const Json json{{"format", "sluice-load-comparison/1"},
                    {"seed", comparison.seed},
                    {"valid", reasons.empty()},
                    {"invalid_reasons", reasons},
                    {"failures", comparison.failures()},
                    {"ended_early", comparison.ended_early.empty() ? Json() : Json(comparison.ended_early)},
                    {"contenders", std::move(contenders)}};
    constexpr int indent = 2;
    put(stream, json.dump(indent, ' ', false, Json::error_handler_t::replace));
    put(stream, "\n");
}

void write_comparison_markdown(const Comparison& comparison, std::FILE* stream) {
    std::string text = "| target | runs |";
    std::string rule = "|---|---:|";
    for (const ComparedFigure& compared : compared_figures()) {
        text.append(" ").append(compared.name).append(" |");
        rule += "---:|";
    }
    text.append("\n").append(rule).append("\n");
    auto out = std::back_inserter(text);
    for (std::size_t i = 0; i < comparison.contenders.size(); ++i) {
        fmt::format_to(out, "| {} | {} |", markdown_cell(comparison.contenders[i].name),
                       comparison.contenders[i].runs.size());
        for (std::size_t j = 0; j < compared_figures_count; ++j) {
            const FigureOfContender& figure = comparison.figures[i][j];
            fmt::format_to(out, " {}{}", std::isfinite(figure.median) ? compared_figures()[j].text(figure.median) : "–",
                           comparison.is_of_failures(i, j) ? " (of failures)" : "");
            const RatioText ratio = i == 0 ? RatioText() : text_of(figure.ratio_to_first);
            if (!ratio.value.empty()) fmt::format_to(out, ", {} ({})", ratio.value, ratio.interval);
            text += " |";
        }
        text += "\n";
    }
    text.append("\n").append(how_to_read(comparison)).append("\n");
    for (const std::string& note : notes_on(comparison)) text.append("\n").append(note).append("\n");
    for (const std::string& reason : comparison.invalid_reasons())
        text.append("\nINVALID: ").append(reason).append("\n");
    for (const std::string& failure : comparison.failures()) text.append("\nFAILED: ").append(failure).append("\n");
    put(stream, text);
}

void write_comparison_html(const Comparison& comparison, std::FILE* stream) {
    std::string body = fmt::format("<header><h1>Comparison under the same load</h1><p>{}</p>{}{}</header>\n<main>\n",
                                   how_to_read(comparison),
                                   banner("FAILED", "most requests of some runs failed", comparison.failures()),
                                   banner("INVALID", "some runs must not be trusted", comparison.invalid_reasons()));
    for (const std::string& note : notes_on(comparison))
        fmt::format_to(std::back_inserter(body), "<p class=\"note\">{}</p>\n", escaped_html(note));
    body += figures_table(comparison);
    std::vector<Series> percentiles;
    std::uint64_t count = 0;
    for (const Contender& contender : comparison.contenders) {
        const Histogram all = corrected_of_all(contender);
        percentiles.push_back(percentile_series(contender.name, all));
        count = std::max(count, count_of(all));
    }
    body += render_plot(percentile_plot(std::move(percentiles), count));
    body += render_plot(
        runs_plot(comparison, rate_figure_index,
                  {.label = "successful requests per second", .quantity = Quantity::count, .low = {}, .high = {}}));
    body += render_plot(runs_plot(comparison, p99_figure_index, latency_axis()));
    body += R"(<section><h2>What ran</h2><dl class="environment">)";
    for (const Contender& contender : comparison.contenders) {
        if (contender.runs.empty()) continue;
        const RunResult& run = contender.runs.front();
        fmt::format_to(std::back_inserter(body), "<dt>{}</dt><dd>{}<br>{}<br><code>{}</code></dd>",
                       escaped_html(contender.name), escaped_html(run.target), escaped_html(run.plan),
                       escaped_html(run.environment.server_command_line));
    }
    if (!comparison.contenders.empty() && !comparison.contenders.front().runs.empty()) {
        const Environment& environment = comparison.contenders.front().runs.front().environment;
        fmt::format_to(std::back_inserter(body),
                       "<dt>machine</dt><dd>{}, {} cores, {}</dd><dt>command</dt><dd><code>{}</code></dd>",
                       escaped_html(environment.cpu), environment.cores_count, escaped_html(environment.kernel),
                       escaped_html(environment.command_line));
    }
    body += "</dl></section>\n</main>\n";
    put(stream, render_page("sluice-load compare", body));
}

}  // namespace sluice::load
