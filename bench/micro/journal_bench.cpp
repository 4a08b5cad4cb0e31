// What appending to the journal costs the reactor, beside the least that it could: copying the same bytes and
// computing their CRC32C. (Writing and syncing are the sink thread's, and the disk's.)
//
//   sluice-bench --benchmark_filter=journal --benchmark_repetitions=15 --benchmark_enable_random_interleaving=true
//
// Compare journal_append with journal_memcpy_crc32c of the same size within one run, minima: the line is 2.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/batch.hpp"
#include "engine/core/crc32c.hpp"
#include "sinks/journal/encoder.hpp"

namespace {

using namespace sluice;

void report(benchmark::State& state, std::int64_t samples_count, std::int64_t text_bytes) {
    state.SetBytesProcessed(samples_count * text_bytes);
    state.counters["ns_per_sample"] = benchmark::Counter(static_cast<double>(samples_count) / 1e9,
                                                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// Fills an arena, over and over; one text after the other, as far as they fit.
void journal_memcpy_crc32c(benchmark::State& state) {
    const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
    std::vector<char> arena(64 * limits::kib);
    std::int64_t count = 0;
    for (auto _ : state) {
        for (std::size_t at = 0; at + text.size() <= arena.size(); at += text.size(), ++count) {
            std::memcpy(arena.data() + at, text.data(), text.size());
            benchmark::DoNotOptimize(crc32c({arena.data() + at, text.size()}));
        }
        benchmark::ClobberMemory();
    }
    report(state, count, state.range(0));
}

void journal_append(benchmark::State& state) {
    const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
    Sample sample;
    sample.raw = text;
    std::vector<char> arena(64 * limits::kib);
    const auto batch = std::make_unique<Batch>();
    batch->bind(arena, 0);
    const auto encoder = sinks::make_journal_encoder();
    std::int64_t count = 0;
    for (auto _ : state) {
        while (encoder->append(*batch, sample)) ++count;
        benchmark::DoNotOptimize(batch->bytes().data());
        batch->clear();
    }
    report(state, count, state.range(0));
}

BENCHMARK(journal_memcpy_crc32c)->Arg(139)->Arg(1000)->Arg(10'000);
BENCHMARK(journal_append)->Arg(139)->Arg(1000)->Arg(10'000);

}  // namespace
