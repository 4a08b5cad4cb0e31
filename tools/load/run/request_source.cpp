#include "tools/load/run/request_source.hpp"

#include <cstring>

#include "engine/core/check.hpp"
#include "tools/load/plan/endpoint_rows.hpp"

namespace sluice::load {
namespace {

RequestSpec spec_of(const RunPlan& plan, const Endpoint& endpoint) {
    const auto sample = parse_body_template(endpoint.body);
    CHECK(sample.has_value());
    // A single sample is a line, too: it needs its line feed.
    const bool has_lines = endpoint.body_format() == BodyFormat::ndjson;
    const bool is_batch = (plan.batch_count != 0 || has_lines) && endpoint.has_body();
    RequestSpec spec;
    spec.method = endpoint.method;
    spec.path = endpoint.path;
    spec.host_header = plan.target.host_header;
    spec.headers = endpoint.headers;
    spec.tokens = plan.tokens;
    spec.has_body = endpoint.has_body();
    spec.format = endpoint.body_format();
    spec.samples_count = is_batch ? std::max(plan.batch_count, 1u) : 1;
    if (!has_writer(spec.format))
        spec.body = is_batch ? batch_of(*sample, spec.samples_count, has_lines ? BatchForm::ndjson : BatchForm::array)
                             : *sample;
    spec.device_prefix = plan.device_prefix;
    spec.devices_count = plan.devices_count;
    spec.coding = plan.coding.value_or(info_of(spec.format).coding);
    spec.is_chunked = plan.is_chunked;
    return spec;
}

std::vector<Devices> deal_devices(const RunPlan& plan, std::uint32_t thread) {
    std::vector<Devices> devices;
    if (plan.ledger_path.empty()) {
        devices.emplace_back(plan.devices_count, plan.zipf_exponent, thread, plan.threads_count);
        return devices;
    }
    const std::uint32_t sockets_count = plan.sockets_count();
    for (std::uint32_t share = thread; share < sockets_count; share += plan.threads_count)
        devices.emplace_back(plan.devices_count, plan.zipf_exponent, share, sockets_count);
    return devices;
}

}  // namespace

RequestSource::RequestSource(const RunPlan& plan, std::uint32_t thread)
    : devices_(deal_devices(plan, thread)),
      thread_index_(thread),
      threads_count_(plan.threads_count),
      random_(plan.seed + thread * 0x1'0000'0001ull),
      samples_count_(std::max(plan.batch_count, 1u)) {
    rows_ = endpoint_rows_of(plan).row_by_endpoint;
    rows_.resize(plan.endpoints.size(), Ending::no_row);
    double sum = 0;
    for (const Endpoint& endpoint : plan.endpoints) {
        renderers_.push_back(std::make_unique<RequestRenderer>(spec_of(plan, endpoint)));
        checks_.emplace_back(endpoint.check.json_member, endpoint.check.json_value);
        response_checks_.push_back(endpoint.check);
        formats_.push_back(endpoint.body_format());
        is_head_.push_back(endpoint.method == "HEAD");
        weights_.push_back(sum += endpoint.weight);
        bytes_max_ = std::max(bytes_max_, renderers_.back()->bytes_max());
        keeps_bodies_ = keeps_bodies_ || checks_.back().is_needed() || has_partial_success(formats_.back());
    }
    if (renderers_.size() == 1 && renderers_.front()->is_fixed())
        for (std::uint32_t i = 0; i < plan.pipeline_depth; ++i) fixed_ += renderers_.front()->fixed();
}

std::size_t RequestSource::render(std::uint16_t endpoint, Slot connection, char* out, RequestIdentity& identity) {
    RequestRenderer& renderer = *renderers_[endpoint];
    if (!renderer.is_fixed())
        return renderer.render(out, devices_[devices_.size() == 1 ? 0 : connection], random_, identity,
                               std::size_t{connection} * threads_count_ + thread_index_);
    identity.samples_count = samples_count_;
    std::memcpy(out, renderer.fixed().data(), renderer.fixed().size());
    return renderer.fixed().size();
}

bool RequestSource::is_good_status(std::uint16_t endpoint, std::uint16_t status) const {
    return response_checks_[endpoint].takes(status);
}

}  // namespace sluice::load
