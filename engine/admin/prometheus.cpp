// Base units (seconds, bytes); the series of one family stand together, HELP and TYPE before them, as the format
// demands.
#include "engine/admin/prometheus.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/admin/metric_table.hpp"

namespace sluice {
namespace {

// Bounds of the histograms: 10 µs to 10 s, three a decade.
// A change of the bounds breaks queries over a time that spans it: histogram_quantile() needs equal `le` values.
constexpr std::array<std::uint64_t, 19> bounds_ns{
    10'000,      20'000,        50'000,        100'000,       200'000,       500'000,     1'000'000,
    2'000'000,   5'000'000,     10'000'000,    20'000'000,    50'000'000,    100'000'000, 200'000'000,
    500'000'000, 1'000'000'000, 2'000'000'000, 5'000'000'000, 10'000'000'000};

double seconds_of(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

std::string_view type_of(MetricKind kind) {
    switch (kind) {
        case MetricKind::counter: return "counter";
        case MetricKind::gauge: return "gauge";
        case MetricKind::histogram: return "histogram";
    }
    return "";
}

// The value is not escaped. Values are codes, words of ours, numbers, and addresses of nodes as the cluster tells them:
// none has a quotation mark, a backslash or a line feed.
std::string label_of(std::string_view name, std::string_view value) {
    return name.empty() || value.empty() ? std::string() : fmt::format("{}=\"{}\"", name, value);
}

std::string joined(std::string_view labels, std::string_view more) {
    return fmt::format("{}{}{}", labels, labels.empty() || more.empty() ? "" : ",", more);
}

// `names`: "core, format"; as many values. One that is empty is left out: to Prometheus that is the same.
std::string labels_of(std::string_view names, std::span<const std::string_view> values) {
    std::string all;
    for (const std::string_view value : values) {
        const std::size_t comma = names.find(", ");
        all = joined(all, label_of(names.substr(0, comma), value));
        names.remove_prefix(comma == std::string_view::npos ? names.size() : comma + 2);
    }
    return all;
}

// The text of one answer. It is fed in the order of the table; names, helps and labels are static.
class Exposition {
  public:
    // HELP and TYPE, unless the row goes on with the family of the one before.
    void family(const Metric& metric) {
        if (std::exchange(family_, metric.name) == metric.name) return;
        print("# HELP {0} {2}\n# TYPE {0} {1}\n", metric.name, type_of(metric.kind), metric.help);
    }
    // The series of one row of one source, whose label is `labels`.
    void series(const Metric& metric, std::string_view labels, const MetricValue& value) {
        std::visit([&](const auto& known) { put(metric, labels, known); }, value);
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    template <typename... Arguments>
    void print(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        fmt::format_to(std::back_inserter(text_), format, std::forward<Arguments>(arguments)...);
    }
    template <typename Number>
    void line(std::string_view name, std::string_view labels, Number number) {
        if (labels.empty()) print("{} {}\n", name, number);
        else print("{}{{{}}} {}\n", name, labels, number);
    }

    // No series. HELP and TYPE of the family are there nevertheless, which the format allows.
    void put(const Metric&, std::string_view, Unknown) {}
    void put(const Metric&, std::string_view, Absent) {}
    void put_number(const Metric& metric, std::string_view labels, std::uint64_t number) {
        if (metric.unit == MetricUnit::seconds) line(metric.name, labels, seconds_of(number));
        else line(metric.name, labels, number);
    }
    void put(const Metric& metric, std::string_view labels, std::uint64_t number) {
        put_number(metric, joined(labels, metric.label), number);
    }
    void put(const Metric& metric, std::string_view labels, double number) {
        line(metric.name, joined(labels, metric.label), number);
    }
    void put(const Metric& metric, std::string_view labels, bool is_set) {
        line(metric.name, joined(labels, metric.label), is_set ? 1 : 0);
    }
    // A series for each word, so that the one of a state that has ended goes to 0 and does not just vanish.
    void put(const Metric& metric, std::string_view labels, const OneOf& choice) {
        for (std::size_t i = 0; i < choice.words.size(); ++i)
            line(metric.name, joined(labels, label_of(metric.label, choice.words[i])), i == choice.index ? 1 : 0);
    }
    void put(const Metric& metric, std::string_view labels, const ByWord& counts) {
        for (std::size_t i = 0; i < counts.counts.size(); ++i)
            if (counts.counts[i] != 0 || counts.shows_zeros)
                put_number(metric, joined(labels, label_of(metric.label, counts.word(i))), counts.counts[i]);
    }
    void put(const Metric& metric, std::string_view labels, const Info& info) {
        line(metric.name, joined(labels, labels_of(metric.label, info.words)), 1);
    }
    void put(const Metric& metric, std::string_view labels, const Histograms& all) {
        for (std::size_t i = 0; i < all.histograms.size(); ++i)
            histogram(metric.name, joined(labels, label_of(metric.label, all.word(i))), all.histograms[i]);
    }
    void histogram(std::string_view name, std::string_view labels, const LatencyHistogram& histogram);

    std::string text_;
    std::string_view family_;
};

// `labels` is not empty: each histogram belongs to a reactor, and has its core. The format demands the bucket +Inf, and
// that it equals _count.
void Exposition::histogram(std::string_view name, std::string_view labels, const LatencyHistogram& histogram) {
    std::array<std::uint64_t, bounds_ns.size()> counts{};
    histogram.cumulative_counts(bounds_ns.data(), bounds_ns.size(), counts.data());
    for (std::size_t i = 0; i < bounds_ns.size(); ++i)
        print("{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, seconds_of(bounds_ns[i]), counts[i]);
    print("{}_bucket{{{},le=\"+Inf\"}} {}\n", name, labels, histogram.count());
    print("{}_sum{{{}}} {}\n", name, labels, seconds_of(histogram.sum_ns()));
    print("{}_count{{{}}} {}\n", name, labels, histogram.count());
}

// --- where the sources are -----------------------------------------------------------------------------------------
// for_each(view, rows, take) calls take(source, values of the group's labels...) for each source of the rows.

// The type of `rows` chooses the overload; a source without one does not compile. The label's value may be a temporary:
// it is valid during the call of `take` only.
void for_each(const EngineView& view, MetricsOf<EngineView>, auto&& take) { take(view, ""); }

void for_each_reactor(const EngineView& view, auto&& source_of, auto&& take) {
    for (const auto& reactor : view.reactors) take(source_of(*reactor), std::to_string(reactor->core));
}
// Of IngestFormat::none there are no samples.
void for_each(const EngineView& view, MetricsOf<SampleFigures>, auto&& take) {
    for (const auto& reactor : view.reactors)
        for (const IngestFormat format : ingest_formats)
            if (format != IngestFormat::none)
                take(SampleFigures{reactor->samples[format], reactor->in_flight_samples[format]},
                     std::to_string(reactor->core), name_of(format));
}
void for_each(const EngineView& view, MetricsOf<http::RequestCounters>, auto&& take) {
    for (const auto& reactor : view.reactors)
        for (const IngestFormat format : ingest_formats)
            take(reactor->http.formats[format], std::to_string(reactor->core), name_of(format));
}
void for_each(const EngineView& view, MetricsOf<http::HttpCounters>, auto&& take) {
    for_each_reactor(view, [](const Snapshot& s) -> const auto& { return s.http; }, take);
}
void for_each(const EngineView& view, MetricsOf<CodingCounters>, auto&& take) {
    for_each_reactor(view, [](const Snapshot& s) -> const auto& { return s.coding; }, take);
}
void for_each(const EngineView& view, MetricsOf<RemoteWriteCounters>, auto&& take) {
    for_each_reactor(view, [](const Snapshot& s) -> const auto& { return s.remote_write; }, take);
}
void for_each(const EngineView& view, MetricsOf<LoopFigures>, auto&& take) {
    for_each_reactor(view, [](const Snapshot& s) { return LoopFigures{s.loop, s.loop_iterations}; }, take);
}
void for_each(const EngineView& view, MetricsOf<AddressCounters>, auto&& take) {
    for_each_reactor(view, [](const Snapshot& s) -> const auto& { return s.addresses; }, take);
}
void for_each(const EngineView& view, MetricsOf<TlsFigures>, auto&& take) {
    for_each_reactor(view, [](const Snapshot& s) { return TlsFigures{s.tls, s.tls_handshakes}; }, take);
}
void for_each(const EngineView& view, MetricsOf<PoolFigures>, auto&& take) {
    for_each_reactor(view, [](const Snapshot& s) -> const auto& { return s.pools; }, take);
}
void for_each_stage(const Snapshot& reactor, Stage stage, auto&& take) {
    const ByFormat<LatencyHistogram>& histograms = reactor.latency.of(stage);
    const std::string core = std::to_string(reactor.core);
    // Batches of several formats have no label.
    if (is_of_batch(stage))
        take(StageFigures{stage, histograms[IngestFormat::none]}, core, name_of(stage), std::string_view{});
    for (const IngestFormat format : ingest_formats) {
        if (histograms[format].count() == 0 || (is_of_batch(stage) && format == IngestFormat::none)) continue;
        take(StageFigures{stage, histograms[format]}, core, name_of(stage), name_of(format));
    }
}
void for_each(const EngineView& view, MetricsOf<StageFigures>, auto&& take) {
    for (const auto& reactor : view.reactors)
        for (const Stage stage : stages) for_each_stage(*reactor, stage, take);
}

// The forwarder's sink is not among these. What it delivers is in the forwarder's own group; of the sink itself the
// breaker and the cluster are shown.
void for_each(const EngineView& view, MetricsOf<sinks::DeliveryFigures>, auto&& take) {
    for (const SinkView& sink : view.sinks) take(sink.figures.delivery, sink.name);
}
void for_each(const EngineView& view, MetricsOf<sinks::LinkFigures>, auto&& take) {
    for (const SinkView& sink : view.sinks) take(sink.link(), sink.name);
}
void for_each(const EngineView& view, MetricsOf<sinks::ReplicationFigures>, auto&& take) {
    for (const SinkView& sink : view.sinks)
        if (sink.figures.replication != nullptr) take(*sink.figures.replication, sink.name);
}
void for_each(const EngineView& view, MetricsOf<sinks::JournalFigures>, auto&& take) {
    for (const SinkView& sink : view.sinks)
        if (sink.figures.journal != nullptr) take(*sink.figures.journal, sink.name);
}
// The forwarder's, too: behind a journal it is the one that talks to Redis. The journal's breaker stays closed.
void for_each(const EngineView& view, MetricsOf<BreakerView>, auto&& take) {
    const auto breaker = [&](const SinkView& sink) {
        take(BreakerView{sink.signal, sink.figures.delivery, view.now_ns}, sink.name);
    };
    for (const SinkView& sink : view.sinks) breaker(sink);
    if (view.forwarder) breaker(view.forwarder->sink);
}
// An engine delivers to one cluster at most, so no label tells clusters apart.
void for_each(const EngineView& view, MetricsOf<ClusterView>, auto&& take) {
    const SinkView& sink = view.delivering_sink();
    if (sink.figures.cluster != nullptr) take(ClusterView{sink.signal, *sink.figures.cluster}, "");
}
void for_each(const EngineView& view, MetricsOf<sinks::NodeView>, auto&& take) {
    for (const sinks::NodeView& node : view.delivering_sink().nodes) take(node, node.address);
}

void for_each(const EngineView& view, MetricsOf<TlsView>, auto&& take) {
    if (view.tls) take(*view.tls, "");
}
void for_each(const EngineView& view, MetricsOf<CertificateView>, auto&& take) {
    if (!view.tls) return;
    for (const CertificateView& certificate : view.tls->certificates) take(certificate, certificate.name);
}
void for_each(const EngineView& view, MetricsOf<ProcessFigures>, auto&& take) { take(view.process, ""); }
void for_each(const EngineView& view, MetricsOf<watch::Gauges>, auto&& take) { take(view.state.gauges, ""); }
void for_each(const EngineView& view, MetricsOf<forward::Forwarder::View>, auto&& take) {
    if (view.forwarder) take(view.forwarder->journal, "");
}
void for_each(const EngineView& view, MetricsOf<tenants::TenantCounters>, auto&& take) {
    for (const auto& [name, counters] : view.tenants) take(counters, name);
}
void for_each(const EngineView& view, MetricsOf<tenants::TenantsFigures>, auto&& take) { take(view.state.reloads, ""); }
void for_each(const EngineView& view, MetricsOf<IdempotencyTable::Figures>, auto&& take) {
    if (view.idempotency) take(*view.idempotency, "");
}

// Rows outside, sources inside: so the series of one family stand together. `metrics` is passed on to choose
// for_each().
template <typename Source>
void render(Exposition& out, const EngineView& view, std::string_view labels, MetricsOf<Source> metrics) {
    for (const MetricOf<Source>& metric : metrics) {
        if (metric.name.empty()) continue;
        out.family(metric);
        for_each(view, metrics, [&](const Source& source, const auto&... label_values) {
            const std::string_view values[]{label_values...};
            out.series(metric, labels_of(labels, values), metric.read(source));
        });
    }
}

}  // namespace

std::string render_metrics(const EngineView& view) {
    Exposition out;
    for (const MetricGroup& group : metric_groups()) {
        if (!group.is_present(view)) continue;
        std::visit([&](const auto& metrics) { render(out, view, group.label, metrics); }, group.metrics);
    }
    return out.take();
}

}  // namespace sluice
