#include "tools/load/report/html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "tools/load/report/html_page.hpp"
#include "tools/load/report/html_text.hpp"
#include "tools/load/report/output_file.hpp"
#include "tools/load/report/quantity.hpp"
#include "tools/load/report/run_plots.hpp"
#include "tools/load/result/percentiles.hpp"

namespace sluice::load {
namespace {

// What each fault means, for who reads the report and not this code.
std::string_view meaning_of(Fault fault) {
    switch (fault) {
        case Fault::refused: return "nobody listens at the address";
        case Fault::unreachable: return "no connection for another reason";
        case Fault::tls: return "the TLS handshake failed, or the session broke";
        case Fault::timeout: return "no complete response in time";
        case Fault::reset: return "the connection broke before the response was complete";
        case Fault::closed_early: return "the server closed before the response was complete";
        case Fault::malformed: return "what came is not an HTTP response";
        case Fault::too_large: return "a response larger than the generator takes";
        case Fault::bad_status: return "a complete response whose status is no success";
        case Fault::bad_body: return "a complete response whose body fails the check";
        case Fault::never_sent: return "no connection was free for it until the run gave up waiting";
        case Fault::interrupted: return "the run was ended before it was sent or answered";
    }
    return {};
}

// Latencies of an empty histogram are unknown, not 0.
std::string latency_text(const Histogram& histogram, std::uint64_t ns) {
    return count_of(histogram) == 0 ? "–" : text_of_ns(static_cast<double>(ns));
}

std::string rate_text(double rate) {
    constexpr double plain_from = 100;  // below, fractions matter
    return (rate >= plain_from ? grouped(static_cast<std::uint64_t>(std::llround(rate))) : text_of_count(rate)) + "/s";
}

class Report {
  public:
    explicit Report(const RunResult& result) : result_(result) {}

    std::string render() {
        add("<header><h1>Load on {}</h1><p>{}</p>", escaped_html(result_.target), escaped_html(result_.plan));
        add_verdict();
        out_ += "</header>\n<main>\n";
        add_figures();
        out_ += render_plot(latency_by_percentile(result_));
        add_percentiles();
        add_endpoints();
        add_tls();
        add_thresholds();
        out_ += render_plot(latency_over_time(result_));
        out_ += render_plot(rate_over_time(result_));
        add_errors();
        out_ += render_plot(lag_over_time(result_));
        out_ += render_plot(connections_over_time(result_));
        add_environment();
        out_ += "</main>\n";
        return render_page("sluice-load: " + result_.target, out_);
    }

  private:
    template <typename... Arguments>
    void add(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        fmt::format_to(std::back_inserter(out_), format, std::forward<Arguments>(arguments)...);
    }
    // All three arguments are HTML.
    // `mark`: a class of the tile, or nothing.
    void add_figure(std::string_view name, const std::string& value, const std::string& remark = {},
                    std::string_view mark = {}) {
        add(R"(<div class="{}"><dt>{}</dt><dd>{}<small>{}</small></dd></div>)", mark, name, value, remark);
        out_ += "\n";
    }

    void add_verdict() {
        if (!result_.failure.empty())
            add(R"(<div class="banner" role="alert"><strong>FAILED</strong> – {}</div>)",
                escaped_html(result_.failure));
        if (!result_.is_valid()) {
            out_ +=
                R"(<div class="banner" role="alert"><strong>INVALID</strong> – the figures below must not be trusted:<ul>)";
            for (const std::string& reason : result_.invalid_reasons) add("<li>{}</li>", escaped_html(reason));
            out_ += "</ul></div>\n";
        }
    }

    void add_figures() {
        const Counts& totals = result_.totals;
        const Latencies& latencies = result_.latencies;
        const auto corrected = [&](double percentile) {
            return latency_text(latencies.corrected, value_at_ns(latencies.corrected, percentile));
        };
        // Of all requests that ended; those without a response have failed too.
        const std::uint64_t ended = totals.succeeded + totals.failed();
        out_ += R"(<dl class="figures">)";
        add_figure("Rate", rate_text(result_.achieved_rate),
                   result_.is_open_loop ? "of " + rate_text(result_.planned_rate) + " planned" : "closed loop");
        add_figure("Latency p50", corrected(50));
        add_figure("Latency p99", corrected(99),
                   "uncorrected " + latency_text(latencies.uncorrected, value_at_ns(latencies.uncorrected, 99)));
        add_figure("Latency p99.9", corrected(99.9),
                   "uncorrected " + latency_text(latencies.uncorrected, value_at_ns(latencies.uncorrected, 99.9)));
        add_figure("Slowest", latency_text(latencies.corrected, max_ns(latencies.corrected)));
        add_figure("Failed", text_of_share(totals.failed_share()), grouped(totals.failed()) + " of " + grouped(ended),
                   mark_of_failures());
        add_figure("Own lag p99", latency_text(latencies.lag, result_.own_lag_p99_ns),
                   "busiest thread " + text_of_share(result_.cpu_busiest) + " CPU");
        add_figure("Samples", grouped(totals.samples), "in " + text_of_seconds(result_.duration_s));
        out_ += "</dl>\n";
    }

    // An alarm where the run failed for it, or missed a bound on errors; else any failure stands out.
    [[nodiscard]] std::string_view mark_of_failures() const {
        const bool is_missed = std::ranges::any_of(result_.thresholds, [](const ThresholdResult& one) {
            return one.text.starts_with("errors") && !one.holds;
        });
        return !result_.failure.empty() || is_missed ? "alarm" : result_.totals.failed() != 0 ? "bad" : "";
    }

    void add_percentiles() {
        const Latencies& latencies = result_.latencies;
        const Histogram succeeded = difference_of(latencies.corrected, latencies.failed);
        std::vector<std::pair<std::string_view, const Histogram*>> columns{
            {"corrected", &latencies.corrected}, {"uncorrected", &latencies.uncorrected}, {"lag", &latencies.lag}};
        // Thresholds are judged on it; without failures it is the first column.
        if (count_of(latencies.failed) != 0) columns.emplace(columns.begin() + 1, "of successes", &succeeded);
        out_ += R"(<section><h2>Latency</h2><div class="wide"><table><thead><tr><th scope="col"></th>)";
        for (const auto& [name, histogram] : columns) add(R"(<th scope="col">{}</th>)", name);
        out_ += "</tr></thead><tbody>";
        const auto add_row = [&](std::string_view name, auto figure) {
            add(R"(<tr><th scope="row">{}</th>)", name);
            for (const auto& [_, histogram] : columns)
                add("<td>{}</td>", latency_text(*histogram, static_cast<std::uint64_t>(figure(*histogram))));
            out_ += "</tr>";
        };
        add_row("fastest", min_ns);
        for (const Percentile& percentile : headline_percentiles) {
            add_row(fmt::format("p{}", percentile.name),
                    [&](const Histogram& histogram) { return value_at_ns(histogram, percentile.value); });
        }
        add_row("slowest", max_ns);
        add_row("mean", mean_ns);
        out_ += R"(<tr><th scope="row">count</th>)";
        for (const auto& [_, histogram] : columns) add("<td>{}</td>", grouped(count_of(*histogram)));
        out_ += "</tr></tbody></table></div></section>\n";
    }

    void add_endpoints() {
        if (result_.endpoints.empty()) return;
        out_ += R"(<section><h2>Endpoints</h2><div class="wide"><table><thead><tr><th scope="col">endpoint</th>)";
        for (const char* const head : {"sent", "succeeded", "failed", "p50", "p90", "p99", "p99.9", "slowest"})
            add(R"(<th scope="col">{}</th>)", head);
        out_ += "</tr></thead><tbody>";
        for (const EndpointFigures& endpoint : result_.endpoints) {
            const Counts& counts = endpoint.counts;
            add(R"(<tr><th scope="row">{}</th><td>{}</td><td>{}</td><td class="{}">{}</td>)",
                escaped_html(endpoint.name), grouped(counts.sent), grouped(counts.succeeded),
                counts.failed() == 0 ? "" : "bad", grouped(counts.failed()));
            for (const double percentile : {50.0, 90.0, 99.0, 99.9, 100.0})
                add("<td>{}</td>", latency_text(endpoint.corrected, value_at_ns(endpoint.corrected, percentile)));
            out_ += "</tr>";
        }
        out_ += "</tbody></table></div></section>\n";
        out_ += render_plot(latency_by_endpoint(result_));
    }

    void add_tls() {
        if (!result_.tls) return;
        const TlsFigures& tls = *result_.tls;
        add(R"(<section><h2>TLS handshakes</h2><p>{}; the server's certificate was {}verified.</p>)",
            tls.agreed.empty() ? "None was completed" : escaped_html(tls.agreed), tls.is_verified ? "" : "not ");
        out_ += R"(<div class="wide"><table><thead><tr><th scope="col">handshake</th>)";
        for (const char* const head : {"count", "p50", "p90", "p99", "slowest"})
            add(R"(<th scope="col">{}</th>)", head);
        out_ += "</tr></thead><tbody>";
        const auto add_row = [&](std::string_view name, const Histogram& histogram) {
            add(R"(<tr><th scope="row">{}</th><td>{}</td>)", name, grouped(count_of(histogram)));
            for (const double percentile : {50.0, 90.0, 99.0, 100.0})
                add("<td>{}</td>", latency_text(histogram, value_at_ns(histogram, percentile)));
            out_ += "</tr>";
        };
        add_row("full", tls.handshakes.full);
        add_row("resumed", tls.handshakes.resumed);
        add_row("before the run", tls.before_run);
        out_ += "</tbody></table></div>";
        for (const TlsFigures::Failure& failure : tls.failures)
            add(R"(<p class="bad">Failed {} times: {}</p>)", grouped(failure.count), escaped_html(failure.sentence));
        out_ += "</section>\n";
    }

    void add_thresholds() {
        if (result_.thresholds.empty()) return;
        out_ += R"(<section><h2>Thresholds</h2><div class="wide"><table><thead><tr><th scope="col">demanded</th>)"
                R"(<th scope="col">measured</th><th scope="col"></th></tr></thead><tbody>)";
        for (const ThresholdResult& threshold : result_.thresholds) {
            add(R"(<tr><td>{}</td><td>{}</td><td class="{}">{}</td></tr>)", escaped_html(threshold.text),
                escaped_html(threshold.measured), threshold.holds ? "good" : "bad",
                threshold.holds ? "✓ holds" : "✗ missed");
        }
        out_ += "</tbody></table></div></section>\n";
    }

    void add_errors() {
        const Counts& totals = result_.totals;
        if (totals.failed() != 0) out_ += render_plot(errors_over_time(result_));
        out_ += R"(<section><h2>Responses and errors</h2>)";
        if (totals.failed() == 0) out_ += "<p>No request failed.</p>";
        out_ += R"(<div class="wide"><table><thead><tr><th scope="col">outcome</th><th scope="col">requests</th>)"
                R"(<th scope="col" style="text-align:left">meaning</th></tr></thead><tbody>)";
        for (std::size_t i = 0; i < faults_count; ++i) {
            const auto fault = static_cast<Fault>(i);
            if (totals.faults[i] == 0) continue;
            add(R"(<tr><td class="bad">{}</td><td>{}</td><td class="text">{}</td></tr>)", name_of(fault),
                grouped(totals.faults[i]), meaning_of(fault));
        }
        for (std::size_t status = 0; status < totals.statuses.size(); ++status) {
            if (totals.statuses[status] == 0) continue;
            add(R"(<tr><td>status {}</td><td>{}</td><td class="text">{}</td></tr>)", status,
                grouped(totals.statuses[status]), status < 200 ? "interim; not a response" : "");
        }
        out_ += "</tbody></table></div></section>\n";
    }

    void add_environment() {
        const Environment& environment = result_.environment;
        const auto add_entry = [this](std::string_view name, std::string_view text, std::string_view tag) {
            if (!text.empty()) add("<dt>{}</dt><dd><{}>{}</{}></dd>", name, tag, escaped_html(text), tag);
        };
        out_ += R"(<section><h2>Environment</h2><dl class="environment">)";
        add_entry("begun", utc_text_of(result_.began_at_ms), "span");
        add_entry("measured",
                  text_of_seconds(result_.duration_s) + " after " + text_of_seconds(result_.warmup_s) + " of warm-up",
                  "span");
        add_entry("machine", environment.host, "span");
        add_entry("CPU", fmt::format("{}, {} cores", environment.cpu, environment.cores_count), "span");
        add_entry("kernel", environment.kernel, "span");
        add_entry(
            "sluice-load",
            environment.commit.empty() ? environment.version : environment.version + ", commit " + environment.commit,
            "span");
        add_entry("command", environment.command_line, "code");
        add_entry("server", environment.server_command_line, "code");
        add_entry("traffic",
                  text_of_bytes(static_cast<double>(result_.totals.sent_bytes)) + " sent, " +
                      text_of_bytes(static_cast<double>(result_.totals.received_bytes)) + " received, " +
                      grouped(result_.totals.connects) + " connects",
                  "span");
        out_ += "</dl></section>\n";
    }

    const RunResult& result_;
    std::string out_;
};

}  // namespace

void write_html(const RunResult& result, std::FILE* stream) { put(stream, Report(result).render()); }

}  // namespace sluice::load
