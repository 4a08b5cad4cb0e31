#include "engine/admin/status_json.hpp"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "engine/admin/metric_table.hpp"
#include "engine/core/check.hpp"
#include "engine/server/backend_choice.hpp"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

// --- figures -------------------------------------------------------------------------------------------------------

// The unit of a time stands in its member's name.
double time_of(std::uint64_t ns, std::string_view member) {
    if (member.find("_us") != std::string_view::npos) return static_cast<double>(ns) / 1e3;
    CHECK(member.ends_with("_s"));
    return static_cast<double>(ns) / 1e9;
}

// Times are µs, with an error of at most 1 % (LatencyHistogram). All are 0 where nothing was recorded.
Json quantiles(const LatencyHistogram& histogram) {
    const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e3; };
    return {{"count", histogram.count()},
            {"p50_us", us(histogram.value_at_ns(50))},
            {"p90_us", us(histogram.value_at_ns(90))},
            {"p99_us", us(histogram.value_at_ns(99))},
            {"p999_us", us(histogram.value_at_ns(99.9))},
            {"max_us", us(histogram.max_ns())}};
}

// A metric's value as JSON. Absent does not come here, because add_figures() leaves its member out; std::visit needs
// the overload.
struct JsonOf {
    const Metric& metric;

    Json operator()(Unknown) const { return nullptr; }
    Json operator()(Absent) const { return nullptr; }
    Json operator()(double number) const { return number; }
    Json operator()(bool is_set) const { return is_set; }
    Json operator()(std::uint64_t number) const {
        if (metric.unit != MetricUnit::seconds) return number;
        return time_of(number, metric.member);
    }
    Json operator()(const OneOf& choice) const {
        if (choice.index >= choice.words.size()) return nullptr;
        return choice.words[choice.index];
    }
    Json operator()(const ByWord& counts) const {
        Json json = Json::object();
        for (std::size_t i = 0; i < counts.counts.size(); ++i)
            if (counts.counts[i] != 0) json[std::string(counts.word(i))] = (*this)(counts.counts[i]);
        return json;
    }
    Json operator()(const Info& info) const { return info.words; }
    Json operator()(const Histograms& all) const {
        Json json = Json::object();
        for (std::size_t i = 0; i < all.histograms.size(); ++i)
            json[std::string(all.word(i))] = quantiles(all.histograms[i]);
        return json;
    }
};

// The member at a path of names with dots between them. Objects on the way are made where they are missing.
Json& member_at(Json& json, std::string_view path) {
    Json* at = &json;
    for (;;) {  // ends: with the last part
        const std::size_t dot = path.find('.');
        at = &(*at)[std::string(path.substr(0, dot))];
        if (dot == std::string_view::npos) return *at;
        path.remove_prefix(dot + 1);
    }
}

// Adds what the table says of `source`.
template <typename Source>
void add_figures(Json& json, const Source& source) {
    for (const MetricOf<Source>& metric : metrics_of<Source>()) {
        if (metric.member.empty()) continue;
        const MetricValue value = metric.read(source);
        if (!std::holds_alternative<Absent>(value)) member_at(json, metric.member) = std::visit(JsonOf{metric}, value);
    }
}

template <typename Source>
Json figures_of(const Source& source) {
    Json json = Json::object();
    add_figures(json, source);
    return json;
}

// --- reactors ------------------------------------------------------------------------------------------------------

// The sample as the client sent it: JSON, byte for byte. Not parsed again: that would write its numbers in another way.
// Arrival is Unix time: the same clock for all reactors.
std::string_view latest_sample(const EngineView& view) {
    const LatestSample* latest = nullptr;
    for (const auto& reactor : view.reactors)
        if (reactor->latest.bytes != 0 && (latest == nullptr || reactor->latest.arrival_ns > latest->arrival_ns))
            latest = &reactor->latest;
    return latest == nullptr ? "null" : latest->view();
}

Json reactor_json(const Snapshot& reactor, bool has_tls) {
    const SampleCounters samples = total_of(reactor.samples);
    Json json{{"core", reactor.core},
              {"settings_generation", reactor.settings_generation},
              {"samples", figures_of(SampleFigures{samples, total_of(reactor.in_flight_samples)})},
              {"is_conserved", are_conserved(reactor.samples, reactor.in_flight_samples)}};
    add_figures(json, LoopFigures{reactor.loop, reactor.loop_iterations});
    add_figures(json, reactor.http.total());
    add_figures(json, reactor.http);
    add_figures(json, reactor.coding);
    add_figures(json, reactor.remote_write);
    add_figures(json, reactor.addresses);
    add_figures(json, reactor.pools);
    if (has_tls) json["tls"] = figures_of(TlsFigures{reactor.tls, reactor.tls_handshakes});
    return json;
}

Json reactors_json(const EngineView& view) {
    Json json = Json::array();
    const bool has_tls = view.tls.has_value();
    for (const auto& reactor : view.reactors) json.push_back(reactor_json(*reactor, has_tls));
    return json;
}

// Histograms are added up: quantiles of each could not be averaged.
void add_up(const EngineView& view, Stage stage, IngestFormat format, LatencyHistogram& sum) {
    for (const auto& reactor : view.reactors) sum.add(reactor->latency.of(stage)[format]);
}

Json latency_json(const EngineView& view) {
    Json json;
    for (const Stage stage : stages) {
        LatencyHistogram sum;
        for (const IngestFormat format : ingest_formats) add_up(view, stage, format, sum);
        json["stages"][std::string(name_of(stage))] = quantiles(sum);
    }
    return json;
}

// --- formats -------------------------------------------------------------------------------------------------------

Json stages_json(const EngineView& view, IngestFormat format) {
    Json json;
    for (const Stage stage : stages) {
        LatencyHistogram sum;
        add_up(view, stage, format, sum);
        json[std::string(name_of(stage))] = quantiles(sum);
    }
    return json;
}

// Of `none` there are no samples, and nothing is decoded. Its batches are those of several formats.
Json format_json(const EngineView& view, const EngineTotals& totals, IngestFormat format) {
    Json json = figures_of(totals.requests[format]);
    json["stages"] = stages_json(view, format);
    if (format == IngestFormat::none) return json;
    const SampleCounters& samples = totals.samples[format];
    const std::uint64_t in_flight = totals.in_flight_samples[format];
    json["samples"] = figures_of(SampleFigures{samples, in_flight});
    json["is_conserved"] = samples.is_conserved(in_flight);
    return json;
}

Json formats_json(const EngineView& view, const EngineTotals& totals) {
    Json json;
    for (const IngestFormat format : ingest_formats)
        json[std::string(name_of(format))] = format_json(view, totals, format);
    return json;
}

// --- sinks ---------------------------------------------------------------------------------------------------------

Json nodes_json(const SinkView& sink) {
    Json nodes = Json::array();
    for (const sinks::NodeView& node : sink.nodes) {
        Json& json = nodes.emplace_back(Json{{"address", node.address}, {"state", sinks::name_of(node.state)}});
        add_figures(json, node);
    }
    return nodes;
}

// What a sink and the forwarder's sink have in common.
void add_delivery(Json& json, const SinkView& sink, std::uint64_t now_ns) {
    json["breaker"] = figures_of(BreakerView{sink.signal, sink.figures.delivery, now_ns});
    if (sink.figures.cluster == nullptr || sink.nodes.empty()) return;
    // Behind a journal only the forwarder's sink comes here: the journal has no cluster.
    json["cluster"] = figures_of(ClusterView{sink.signal, *sink.figures.cluster});
    json["cluster"]["nodes"] = nodes_json(sink);
}

Json sink_json(const SinkView& sink, std::uint64_t now_ns) {
    Json json{{"last_error", sink.last_error}};
    add_figures(json, sink.figures.delivery);
    add_figures(json, sink.link());
    add_delivery(json, sink, now_ns);
    if (sink.has_asked_replicas()) json["replication"] = figures_of(*sink.figures.replication);
    if (sink.figures.journal != nullptr) json["journal"] = figures_of(*sink.figures.journal);
    return json;
}

Json sinks_json(const EngineView& view) {
    Json json = Json::array();
    for (const SinkView& sink : view.sinks) json.push_back(sink_json(sink, view.now_ns));
    return json;
}

Json position_json(const sinks::journal::Position& position) {
    return {{"segment", position.segment}, {"offset", position.offset}};
}

Json forwarder_json(const ForwarderView& forwarder, std::uint64_t now_ns) {
    const forward::Forwarder::View& journal = forwarder.journal;
    Json json{{"state", sinks::name_of(journal.state)},
              {"last_error", journal.last_error},
              {"delivered", position_json(journal.delivered)},
              {"journaled", position_json(journal.confirmed)}};
    add_figures(json, journal);
    add_delivery(json, forwarder.sink, now_ns);
    // The row of refused duplicates has made `exactly_once` in any case. Without an instance it means nothing.
    if (journal.instance.empty()) json.erase("exactly_once");
    else json["exactly_once"]["instance"] = journal.instance;
    return json;
}

// --- the engine ----------------------------------------------------------------------------------------------------

std::string_view state_name(const EngineState& state) {
    if (state.is_draining.load(std::memory_order_relaxed)) return "draining";
    return state.is_paused.load(std::memory_order_relaxed) ? "paused" : "running";
}

Json admission_json(const watch::Gauges& gauges) {
    Json json = figures_of(gauges);
    json["last_error"] = gauges.last_error.text();
    return json;
}

Json tls_json(const TlsView& tls) {
    Json json = figures_of(tls);
    json["certificates"] = Json::array();
    for (const CertificateView& certificate : tls.certificates) {
        Json& one = json["certificates"].emplace_back(Json{{"file", certificate.name}});
        add_figures(one, certificate);
    }
    return json;
}

Json tenants_json(const EngineView& view) {
    Json json = Json::array();
    for (const auto& [name, counters] : view.tenants) {
        Json& tenant = json.emplace_back(Json{{"name", name}});
        add_figures(tenant, counters);
    }
    return json;
}

void add_facts(Json& status, const EngineView& view) {
    status["not_ready_reason"] = view.readiness.reason;
    status["version"] = SLUICE_VERSION;
    status["settings_generation"] = view.state.settings_generation.load(std::memory_order_relaxed);
    status["ack"] = name_of(view.config.ack);
    status["sink"] = view.config.sink.url.display;
    status["io_backend"] = io::name_of(backend_of(view.config));
}

}  // namespace

std::string render_status(const EngineView& view) {
    const EngineTotals totals = view.totals();
    Json status{{"state", state_name(view.state)}};
    add_figures(status, view);
    add_facts(status, view);
    const SampleCounters samples = total_of(totals.samples);
    status["samples"] = figures_of(SampleFigures{samples, total_of(totals.in_flight_samples)});
    status["formats"] = formats_json(view, totals);
    status["reactors"] = reactors_json(view);
    status["latency"] = latency_json(view);
    status["sinks"] = sinks_json(view);
    if (view.state.gauges.is_on.load(std::memory_order_relaxed))
        status["admission"] = admission_json(view.state.gauges);
    if (view.forwarder) status["forwarder"] = forwarder_json(*view.forwarder, view.now_ns);
    if (view.tls) status["tls"] = tls_json(*view.tls);
    if (view.idempotency) status["idempotency"] = figures_of(*view.idempotency);
    if (view.tenant_table != nullptr) {
        status["tenants"] = tenants_json(view);
        status["tenants_file"] = figures_of(view.state.reloads);
    }
    // Bytes that are not UTF-8 become U+FFFD. The library throws by default, and sentences may hold what Redis sent.
    std::string text = status.dump(-1, ' ', false, Json::error_handler_t::replace);
    // The first member is one of three words, so the first comma is the one behind it.
    const std::size_t behind_state = text.find(',') + 1;
    return text.insert(behind_state, R"("latest_sample":)" + std::string(latest_sample(view)) + ",");
}

}  // namespace sluice
