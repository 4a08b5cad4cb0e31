#include "engine/admin/engine_view.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/escape.hpp"

namespace sluice {

// The last error and the nodes are copies that are made under locks of the sink. The sink's thread holds these only to
// replace the values.
SinkView view_of(std::string name, const sinks::Sink& sink) {
    return {std::move(name), sink.signal(), sink.figures(), sink.last_error(), sink.nodes()};
}

ForwarderView view_of(const forward::Forwarder& forwarder) {
    return {forwarder.view(), view_of("forwarder", forwarder.sink())};
}

bool SinkView::has_asked_replicas() const {
    return figures.replication != nullptr && figures.replication->waits.load(std::memory_order_relaxed) != 0;
}

const sinks::LinkFigures& SinkView::link() const {
    // Never written. Every sink shows the same metrics, whether it connects or not.
    static const sinks::LinkFigures none;
    return figures.link != nullptr ? *figures.link : none;
}

EngineTotals EngineView::totals() const {
    EngineTotals totals;
    for (const auto& reactor : reactors) {
        for (const IngestFormat format : ingest_formats) {
            totals.samples[format].add(reactor->samples[format]);
            totals.in_flight_samples[format] += reactor->in_flight_samples[format];
            totals.requests[format].add(reactor->http.formats[format]);
        }
    }
    return totals;
}

void EngineView::add_tenants(std::shared_ptr<const tenants::TenantTable> table) {
    tenant_table = std::move(table);
    if (tenant_table == nullptr) return;
    for (tenants::TenantNumber number = 0; number < tenant_table->numbers_end(); ++number) {
        if (tenant_table->tenant(number) == nullptr) continue;
        tenants::TenantCounters sum;
        for (const auto& reactor : reactors)
            if (number < reactor->tenants.size()) sum.add(reactor->tenants[number]);
        tenants.emplace_back(tenant_table->name_of(number), sum);
    }
}

const SinkView& EngineView::delivering_sink() const {
    if (forwarder) return forwarder->sink;
    CHECK(!sinks.empty());
    return sinks.front();
}

namespace {

// A label of /metrics is not escaped.
std::string as_label(std::string text) {
    std::ranges::replace_if(text, [](char c) { return c == '"' || c == '\\' || !is_printable_ascii(c); }, '_');
    return text;
}

}  // namespace

TlsView view_of(const tls::Published& published, std::int64_t now_ns) {
    TlsView view{published.reloads_count.load(std::memory_order_relaxed),
                 published.failed_reloads_count.load(std::memory_order_relaxed),
                 {}};
    const auto context = published.context();
    if (context == nullptr) return view;
    for (const tls::CertificateInfo& info : context->certificates()) {
        const std::int64_t left_ns = info.not_after_s * 1'000'000'000 - now_ns;
        view.certificates.push_back(
            {as_label(info.file), static_cast<std::uint64_t>(std::max<std::int64_t>(left_ns, 0))});
    }
    return view;
}

}  // namespace sluice
