// What rendering a decoded sample costs, by layout; the decoder's share is in decode_bench.cpp.
//
//   sluice-bench --benchmark_filter=encoder --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/core/batch.hpp"
#include "engine/core/limits.hpp"
#include "sinks/redis/layout/encoder.hpp"

namespace {

using namespace sluice;

Sample make_sample() {
    Sample sample;
    sample.device_id = "sensor-1017";
    sample.timestamp_ns = 1'767'027'837'123'000'000;
    sample.type = "temperature";
    sample.value = "27.3";
    sample.unit = "celsius";
    sample.priority = Priority::medium;
    sample.metadata = R"({"location":"zone-3","firmware_version":"2.3.1"})";
    sample.raw =
        R"({"device_id":"sensor-1017","type":"temperature","value":27.3,"unit":"celsius","priority":"MEDIUM",)"
        R"("timestamp":"2025-12-29T17:03:57.123Z","metadata":{"location":"zone-3","firmware_version":"2.3.1"}})";
    return sample;
}

void encoder(benchmark::State& state, RedisLayout layout) {
    const auto encoder = sinks::make_redis_encoder({.layout = layout});
    std::vector<char> arena(64 * limits::kib);
    const auto batch = std::make_unique<Batch>();
    batch->bind(arena, 0);
    const Sample sample = make_sample();
    for (auto _ : state) {
        if (encoder->append(*batch, sample)) continue;
        encoder->seal(*batch);
        benchmark::DoNotOptimize(batch->bytes().data());
        batch->clear();
        if (!encoder->append(*batch, sample)) std::abort();
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

BENCHMARK_CAPTURE(encoder, fields, RedisLayout::fields);
BENCHMARK_CAPTURE(encoder, json, RedisLayout::json);
BENCHMARK_CAPTURE(encoder, list, RedisLayout::list);
BENCHMARK_CAPTURE(encoder, packed, RedisLayout::packed);

}  // namespace
