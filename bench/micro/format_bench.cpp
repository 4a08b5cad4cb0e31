// Decoding 1,000 samples in each format, in ns a sample, beside the JSON decoder on the same samples: their canonical
// records as NDJSON. Compare within one run, minima: the line for remote write and OTLP is 0.6 × formats_json of the
// same samples.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "engine/core/limits.hpp"
#include "parsers/decoder.hpp"
#include "parsers/json/json_decoder.hpp"
#include "parsers/otlp/otlp_decoder.hpp"
#include "parsers/prometheus/remote_write_decoder.hpp"
#include "parsers/telemetry/telemetry_decoder.hpp"
#include "tests/support/protobuf_text.hpp"

namespace {

using namespace sluice;
using tests::Message;

constexpr int samples_count = 1000;
constexpr std::int64_t time_ns = 1'700'000'123'456'789'012;

std::string padded(std::string body) {
    body.append(limits::body_padding_bytes, ' ');
    return body;
}

double value_of(int index) { return 20 + index * 0.01; }

// Each a series of its own, as Prometheus sends them.
std::string remote_write_body() {
    Message request;
    for (int i = 0; i < samples_count; ++i) {
        Message series;
        for (const auto& [name, value] : {std::pair<std::string, std::string>{"__name__", "node_cpu_seconds_total"},
                                          {"cpu", std::to_string(i % 64)},
                                          {"instance", "host-" + std::to_string(i % 16) + ".example.org:9100"},
                                          {"job", "node"},
                                          {"mode", "idle"}})
            series.message(1, Message().bytes(1, name).bytes(2, value));
        series.message(2, Message().real(1, value_of(i)).varint(2, time_ns / 1'000'000));
        request.message(1, series);
    }
    return request.text();
}

Message attribute(std::string_view key, std::string_view value) {
    return Message().bytes(1, key).message(2, Message().bytes(1, value));
}

// One resource and one scope, ten metrics with a hundred points each.
std::string otlp_body() {
    Message scope_metrics;
    scope_metrics.message(1, Message().bytes(1, "app.metrics").bytes(2, "1.4.2"));
    for (int m = 0; m < 10; ++m) {
        Message gauge;
        for (int i = 0; i < samples_count / 10; ++i)
            gauge.message(1, Message()
                                 .fixed64(3, time_ns)
                                 .real(4, value_of(i))
                                 .message(7, attribute("route", "/items/" + std::to_string(i)))
                                 .message(7, attribute("method", "GET")));
        scope_metrics.message(
            2, Message().bytes(1, "http.server.duration." + std::to_string(m)).bytes(3, "ms").message(5, gauge));
    }
    const Message resource = Message()
                                 .message(1, attribute("service.name", "shop"))
                                 .message(1, attribute("host.name", "host-1.example.org"));
    return Message().message(1, Message().message(1, resource).message(2, scope_metrics)).text();
}

std::string telemetry_body() {
    Message batch;
    for (int i = 0; i < samples_count; ++i)
        batch.message(1, Message()
                             .bytes(1, "sensor-" + std::to_string(i % 500))
                             .bytes(2, "temperature")
                             .message(3, Message().real(1, value_of(i)))
                             .bytes(4, "celsius")
                             .fixed64(6, time_ns + i));
    return batch.text();
}

// The number of samples; their canonical records as NDJSON go to `records` if it is not null.
int decode(parsers::Decoder& decoder, std::string_view body, parsers::Dialect dialect, std::string* records,
           bool needs_raw = true) {
    decoder.start(body, dialect, {.precision = parsers::Precision::ns, .arrival_ns = time_ns, .needs_raw = needs_raw});
    int count = 0;
    for (;;) {
        switch (decoder.next()) {
            case parsers::Step::sample:
                ++count;
                if (records != nullptr) records->append(decoder.sample().raw) += '\n';
                benchmark::DoNotOptimize(decoder.sample().value.data());
                break;
            case parsers::Step::more: break;
            case parsers::Step::end: return count;
            default: return -1;
        }
    }
}

void run(benchmark::State& state, parsers::Decoder& decoder, const std::string& body, parsers::Dialect dialect,
         bool needs_raw) {
    const std::string_view view(body.data(), body.size() - limits::body_padding_bytes);
    for (auto _ : state)
        if (decode(decoder, view, dialect, nullptr, needs_raw) != samples_count)
            state.SkipWithError("not every sample was taken");
    state.SetItemsProcessed(samples_count * state.iterations());
    state.SetBytesProcessed(static_cast<std::int64_t>(view.size()) * state.iterations());
    state.counters["bytes_per_sample"] = static_cast<double>(view.size()) / samples_count;
}

// As for the layout `fields`, which takes no Sample::raw; and as for the others.
template <typename Decoder, bool needs_raw>
void formats_own(benchmark::State& state, std::string (*body_of)()) {
    Decoder decoder;
    run(state, decoder, padded(body_of()), 0, needs_raw);
}

template <typename Decoder>
void formats_json(benchmark::State& state, std::string (*body_of)()) {
    Decoder decoder;
    const std::string body = padded(body_of());
    std::string records;
    decode(decoder, {body.data(), body.size() - limits::body_padding_bytes}, 0, &records);
    parsers::JsonDecoder json;
    run(state, json, padded(records), static_cast<parsers::Dialect>(parsers::BodyFormat::ndjson), true);
}

// The macro takes no template.
constexpr auto remote_write_own = formats_own<parsers::RemoteWriteDecoder, false>;
constexpr auto remote_write_own_raw = formats_own<parsers::RemoteWriteDecoder, true>;
constexpr auto remote_write_json = formats_json<parsers::RemoteWriteDecoder>;
constexpr auto otlp_own = formats_own<parsers::OtlpDecoder, false>;
constexpr auto otlp_own_raw = formats_own<parsers::OtlpDecoder, true>;
constexpr auto otlp_json = formats_json<parsers::OtlpDecoder>;
constexpr auto telemetry_own = formats_own<parsers::TelemetryDecoder, false>;
constexpr auto telemetry_own_raw = formats_own<parsers::TelemetryDecoder, true>;
constexpr auto telemetry_json = formats_json<parsers::TelemetryDecoder>;
BENCHMARK_CAPTURE(remote_write_own, formats, remote_write_body);
BENCHMARK_CAPTURE(remote_write_own_raw, formats, remote_write_body);
BENCHMARK_CAPTURE(remote_write_json, formats, remote_write_body);
BENCHMARK_CAPTURE(otlp_own, formats, otlp_body);
BENCHMARK_CAPTURE(otlp_own_raw, formats, otlp_body);
BENCHMARK_CAPTURE(otlp_json, formats, otlp_body);
BENCHMARK_CAPTURE(telemetry_own, formats, telemetry_body);
BENCHMARK_CAPTURE(telemetry_own_raw, formats, telemetry_body);
BENCHMARK_CAPTURE(telemetry_json, formats, telemetry_body);

}  // namespace
