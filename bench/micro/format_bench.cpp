// Decoding 1,000 samples in each format, in ns a sample, beside the JSON decoder on the same samples: their canonical
// records as NDJSON. Compare within one run, minima: the line for remote write and OTLP is 0.6 × …_json of the same
// samples. …_rendered also renders them, in the layout that the name says: the line for line protocol is 1.3 ×
// line_json_rendered/fields.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/batch.hpp"
#include "engine/core/limits.hpp"
#include "parsers/decoder.hpp"
#include "parsers/influx/line_decoder.hpp"
#include "parsers/json/json_decoder.hpp"
#include "parsers/otlp/otlp_decoder.hpp"
#include "parsers/prometheus/remote_write_decoder.hpp"
#include "parsers/telemetry/telemetry_decoder.hpp"
#include "sinks/redis/layout/encoder.hpp"
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

// As Telegraf sends what it knows of a processor.
std::string line_body() {
    std::string body;
    for (int i = 0; i < samples_count; ++i) {
        body += "cpu,cpu=cpu" + std::to_string(i % 64) + ",host=host-" + std::to_string(i % 16) + ".example.org";
        char mark = ' ';
        for (const char* const field :
             {"guest", "guest_nice", "idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"}) {
            body += std::exchange(mark, ',') + std::string("usage_") + field + '=' + std::to_string(value_of(i));
        }
        body += ' ' + std::to_string(time_ns + i) + '\n';
    }
    return body;
}

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

// Calls take(sample) for each. The number of samples.
template <typename Take>
int decode(parsers::Decoder& decoder, std::string_view body, parsers::Dialect dialect, bool needs_raw, Take&& take) {
    decoder.start(body, dialect, {.precision = parsers::Precision::ns, .arrival_ns = time_ns, .needs_raw = needs_raw});
    int count = 0;
    for (;;) {
        switch (decoder.next()) {
            case parsers::Step::sample:
                ++count;
                take(decoder.sample());
                break;
            case parsers::Step::more: break;
            case parsers::Step::end: return count;
            default: return -1;
        }
    }
}

template <typename Take>
void run(benchmark::State& state, parsers::Decoder& decoder, const std::string& body, parsers::Dialect dialect,
         bool needs_raw, Take&& take) {
    const std::string_view view(body.data(), body.size() - limits::body_padding_bytes);
    for (auto _ : state)
        if (decode(decoder, view, dialect, needs_raw, take) != samples_count)
            state.SkipWithError("not every sample was taken");
    state.SetItemsProcessed(samples_count * state.iterations());
    state.SetBytesProcessed(static_cast<std::int64_t>(view.size()) * state.iterations());
    state.counters["bytes_per_sample"] = static_cast<double>(view.size()) / samples_count;
}

void keep(const Sample& sample) { benchmark::DoNotOptimize(sample.value.data()); }

// As the reactor does it: a full batch is sealed, and the next one opened.
class Rendering {
  public:
    explicit Rendering(RedisLayout layout)
        : encoder_(sinks::make_redis_encoder({.layout = layout})),
          arena_(64 * limits::kib),
          batch_(std::make_unique<Batch>()) {
        batch_->bind(arena_, 0);
    }
    [[nodiscard]] bool needs_raw() const { return encoder_->needs_raw(); }
    void append(const Sample& sample) {
        if (encoder_->append(*batch_, sample)) return;
        encoder_->seal(*batch_);
        benchmark::DoNotOptimize(batch_->bytes().data());
        batch_->clear();
        if (!encoder_->append(*batch_, sample)) std::abort();
    }

  private:
    std::unique_ptr<sinks::Encoder> encoder_;
    std::vector<char> arena_;
    std::unique_ptr<Batch> batch_;
};

constexpr auto ndjson = static_cast<parsers::Dialect>(parsers::BodyFormat::ndjson);

template <typename Decoder>
std::string records_of(const std::string& body) {
    Decoder decoder;
    std::string records;
    decode(decoder, {body.data(), body.size() - limits::body_padding_bytes}, 0, true,
           [&records](const Sample& sample) { records.append(sample.raw) += '\n'; });
    return records;
}

// As for the layout `fields`, which takes no Sample::raw; and as for the others.
template <typename Decoder, bool needs_raw>
void formats_own(benchmark::State& state, std::string (*body_of)()) {
    Decoder decoder;
    run(state, decoder, padded(body_of()), 0, needs_raw, keep);
}

template <typename Decoder>
void formats_json(benchmark::State& state, std::string (*body_of)()) {
    parsers::JsonDecoder json;
    run(state, json, padded(records_of<Decoder>(padded(body_of()))), ndjson, true, keep);
}

template <typename Decoder>
void formats_own_rendered(benchmark::State& state, std::string (*body_of)(), RedisLayout layout) {
    Decoder decoder;
    Rendering rendering(layout);
    run(state, decoder, padded(body_of()), 0, rendering.needs_raw(),
        [&rendering](const Sample& sample) { rendering.append(sample); });
}

template <typename Decoder>
void formats_json_rendered(benchmark::State& state, std::string (*body_of)(), RedisLayout layout) {
    parsers::JsonDecoder json;
    Rendering rendering(layout);
    run(state, json, padded(records_of<Decoder>(padded(body_of()))), ndjson, rendering.needs_raw(),
        [&rendering](const Sample& sample) { rendering.append(sample); });
}

// The macro takes no template.
constexpr auto line_own = formats_own<parsers::LineDecoder, false>;
constexpr auto line_json = formats_json<parsers::LineDecoder>;
constexpr auto line_own_rendered = formats_own_rendered<parsers::LineDecoder>;
constexpr auto line_json_rendered = formats_json_rendered<parsers::LineDecoder>;
constexpr auto telemetry_own_rendered = formats_own_rendered<parsers::TelemetryDecoder>;
constexpr auto telemetry_json_rendered = formats_json_rendered<parsers::TelemetryDecoder>;
constexpr auto remote_write_own = formats_own<parsers::RemoteWriteDecoder, false>;
constexpr auto remote_write_own_raw = formats_own<parsers::RemoteWriteDecoder, true>;
constexpr auto remote_write_json = formats_json<parsers::RemoteWriteDecoder>;
constexpr auto otlp_own = formats_own<parsers::OtlpDecoder, false>;
constexpr auto otlp_own_raw = formats_own<parsers::OtlpDecoder, true>;
constexpr auto otlp_json = formats_json<parsers::OtlpDecoder>;
constexpr auto telemetry_own = formats_own<parsers::TelemetryDecoder, false>;
constexpr auto telemetry_own_raw = formats_own<parsers::TelemetryDecoder, true>;
constexpr auto telemetry_json = formats_json<parsers::TelemetryDecoder>;
BENCHMARK_CAPTURE(line_own, formats, line_body);
BENCHMARK_CAPTURE(line_json, formats, line_body);
BENCHMARK_CAPTURE(line_own_rendered, fields, line_body, RedisLayout::fields);
BENCHMARK_CAPTURE(line_json_rendered, fields, line_body, RedisLayout::fields);
BENCHMARK_CAPTURE(telemetry_own_rendered, fields, telemetry_body, RedisLayout::fields);
BENCHMARK_CAPTURE(telemetry_json_rendered, fields, telemetry_body, RedisLayout::fields);
BENCHMARK_CAPTURE(telemetry_own_rendered, packed, telemetry_body, RedisLayout::packed);
BENCHMARK_CAPTURE(telemetry_json_rendered, packed, telemetry_body, RedisLayout::packed);
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
