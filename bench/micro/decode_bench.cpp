// What decoding and encoding cost a sample, beside a bare On-Demand pass over the same bytes.
//
//   sluice-bench --benchmark_filter=decode --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
//
// Two bare passes, both indexing the whole body at once (iterate_many), which is the fastest On-Demand has:
//   touch  iterates over all members and touches them where they lie, `metadata` too: the floor of any decoder
//   read   reads the members as On-Demand's documentation does, by name into a struct: get_string(), raw_json()
// Neither finds a duplicate, checks what it skips, or reads a time stamp. Compare ratios within one run; use the
// minimum of many repetitions on a machine that others use.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <string>
#include <vector>

#include "engine/core/batch.hpp"
#include "parsers/json/json_decoder.hpp"
#include "sinks/redis/layout/encoder.hpp"

namespace {

using namespace sluice;
namespace ondemand = simdjson::ondemand;

constexpr std::size_t samples_count = 1000;

enum class Shape { short_139_bytes, with_metadata };

// 1,000 records shaped like TelemetryHub's, and the padding that the decoder asks for.
std::string make_body(Shape shape) {
    std::string body;
    for (std::size_t i = 0; i < samples_count; ++i) {
        body += R"({"device_id":"sensor-)" + std::to_string(1000 + i % 500) + R"(","type":"temperature","value":)" +
                std::to_string(15 + i % 20) + "." + std::to_string(i % 10) +
                R"(,"unit":"celsius","priority":"MEDIUM","timestamp":"2025-12-29T17:03:)" +
                std::to_string(10 + i % 50) + R"(.123Z")";
        if (shape == Shape::with_metadata) body += R"(,"metadata":{"location":"zone-3","firmware_version":"2.3.1"})";
        body += "}\n";
    }
    return body;
}

struct PaddedBody {
    explicit PaddedBody(Shape shape) : bytes(make_body(shape)), size(bytes.size()) {
        bytes.append(limits::body_padding_bytes, ' ');
    }
    [[nodiscard]] std::string_view view() const { return {bytes.data(), size}; }
    std::string bytes;
    std::size_t size;
};

void report(benchmark::State& state, const PaddedBody& body) {
    const auto samples = static_cast<double>(state.iterations()) * samples_count;
    state.SetItemsProcessed(static_cast<std::int64_t>(samples));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(body.size));
    state.counters["ns_per_sample"] =
        benchmark::Counter(samples / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// Touches every member: a string at its first byte, a number as its token, an object by its members.
std::size_t touch_all(ondemand::object object) {
    std::size_t sum = 0;
    for (auto member : object) {
        ondemand::field field;
        if (std::move(member).get(field) != simdjson::SUCCESS) return 0;
        sum += field.escaped_key().size();
        ondemand::value& value = field.value();
        const std::string_view token = value.raw_json_token();
        if (token.front() == '"') {
            ondemand::raw_json_string text;
            if (value.get_raw_json_string().get(text) == simdjson::SUCCESS)
                sum += static_cast<std::size_t>(*text.raw());
        } else if (token.front() == '{') {
            ondemand::object inner;
            if (value.get_object().get(inner) == simdjson::SUCCESS) sum += touch_all(inner);
        } else {
            sum += token.size();
        }
    }
    return sum;
}

struct BareSample {
    std::string_view device_id, type, unit, priority, timestamp, metadata;
    double value = 0;
};

// The members by name, as views: what the decoder delivers, without its checks.
std::size_t read_by_name(ondemand::object object) {
    BareSample sample;
    for (auto member : object) {
        std::string_view key;
        if (member.escaped_key().get(key) != simdjson::SUCCESS) return 0;
        auto value = member.value();
        auto error = simdjson::SUCCESS;
        if (key == "device_id") error = value.get_string().get(sample.device_id);
        else if (key == "type") error = value.get_string().get(sample.type);
        else if (key == "value") error = value.get_double().get(sample.value);
        else if (key == "unit") error = value.get_string().get(sample.unit);
        else if (key == "priority") error = value.get_string().get(sample.priority);
        else if (key == "timestamp") error = value.get_string().get(sample.timestamp);
        else if (key == "metadata") error = value.raw_json().get(sample.metadata);
        if (error != simdjson::SUCCESS) return 0;
    }
    benchmark::DoNotOptimize(sample);
    return sample.device_id.size();
}

void decode_bare_on_demand(benchmark::State& state, Shape shape, auto read) {
    const PaddedBody body(shape);
    ondemand::parser parser;
    for (auto _ : state) {
        ondemand::document_stream stream;
        if (parser.iterate_many(body.bytes.data(), body.size, body.size).get(stream) != simdjson::SUCCESS) std::abort();
        std::size_t sum = 0;
        for (auto document : stream) {
            ondemand::object object;
            if (document.get_object().get(object) != simdjson::SUCCESS) std::abort();
            sum += read(object);
        }
        benchmark::DoNotOptimize(sum);
    }
    report(state, body);
}

void decode_only(benchmark::State& state, Shape shape) {
    const PaddedBody body(shape);
    parsers::JsonDecoder decoder;
    for (auto _ : state) {
        decoder.start(body.view(), parsers::BodyFormat::ndjson, {});
        std::int64_t sum = 0;
        std::size_t count = 0;
        while (decoder.next() == parsers::Step::sample) {
            sum += decoder.sample().timestamp_ns;
            ++count;
        }
        if (count != samples_count) std::abort();
        benchmark::DoNotOptimize(sum);
    }
    report(state, body);
}

// As the reactor does it: a full batch is sealed, and the next one opened.
void decode_and_encode(benchmark::State& state, Shape shape, const sinks::RedisLayoutSettings& settings) {
    const PaddedBody body(shape);
    parsers::JsonDecoder decoder;
    const auto encoder = sinks::make_redis_encoder(settings);
    std::vector<char> arena(64 * limits::kib);
    const auto batch = std::make_unique<Batch>();
    batch->bind(arena, 0);
    for (auto _ : state) {
        decoder.start(body.view(), parsers::BodyFormat::ndjson, {});
        std::size_t count = 0;
        for (; decoder.next() == parsers::Step::sample; ++count) {
            if (encoder->append(*batch, decoder.sample())) continue;
            encoder->seal(*batch);
            benchmark::DoNotOptimize(batch->bytes().data());
            batch->clear();
            if (!encoder->append(*batch, decoder.sample())) std::abort();
        }
        if (count != samples_count) std::abort();
    }
    report(state, body);
}

sinks::RedisLayoutSettings settings_of(RedisLayout layout, std::uint32_t partitions_count = 1) {
    return {.layout = layout, .partitions_count = partitions_count};
}

// The payload of most devices, and of those that send metadata.
#define SLUICE_BENCH_SHAPES(function, name, ...)                                                                       \
    BENCHMARK_CAPTURE(function, name##_139B, Shape::short_139_bytes __VA_OPT__(, ) __VA_ARGS__);                       \
    BENCHMARK_CAPTURE(function, name##_metadata, Shape::with_metadata __VA_OPT__(, ) __VA_ARGS__)

// As lambdas, so that each pass is compiled into its loop.
SLUICE_BENCH_SHAPES(decode_bare_on_demand, touch, [](ondemand::object object) { return touch_all(object); });
SLUICE_BENCH_SHAPES(decode_bare_on_demand, read, [](ondemand::object object) { return read_by_name(object); });
SLUICE_BENCH_SHAPES(decode_only, decoder);
SLUICE_BENCH_SHAPES(decode_and_encode, fields, settings_of(RedisLayout::fields));
SLUICE_BENCH_SHAPES(decode_and_encode, fields_16_partitions, settings_of(RedisLayout::fields, 16));
SLUICE_BENCH_SHAPES(decode_and_encode, packed, settings_of(RedisLayout::packed));

}  // namespace
