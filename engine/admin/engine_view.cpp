#include "engine/admin/engine_view.hpp"

#include <utility>

#include "engine/core/check.hpp"

namespace sluice {

SinkView view_of(std::string name, const sinks::Sink& sink) {
    return {std::move(name), sink.signal(), sink.figures(), sink.trouble(), sink.nodes()};
}

ForwarderView view_of(const forward::Forwarder& forwarder) {
    return {forwarder.view(), view_of("forwarder", forwarder.sink())};
}

bool SinkView::has_asked_replicas() const {
    return figures.replication != nullptr && figures.replication->waits.load(std::memory_order_relaxed) != 0;
}

const sinks::LinkFigures& SinkView::link() const {
    static const sinks::LinkFigures none;
    return figures.link != nullptr ? *figures.link : none;
}

EngineTotals EngineView::totals() const {
    EngineTotals totals;
    for (const auto& reactor : reactors) {
        totals.samples.add(reactor->samples);
        totals.in_flight_samples += reactor->in_flight_samples;
        totals.requests += reactor->http.requests;
    }
    return totals;
}

const SinkView& EngineView::delivering_sink() const {
    if (forwarder) return forwarder->sink;
    CHECK(!sinks.empty());
    return sinks.front();
}

}  // namespace sluice
