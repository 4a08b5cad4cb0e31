// What content codings cost: 1,000 samples as NDJSON, decompressed, in ns a sample. Compare with decode_* and with each
// other within one run, minima.
//
//   decompress_*           the usual body; level as clients set it
//   decompress_long_*      20,000 samples, in steps
//   decompress_hostile_*   one step of a body that is all work and no text: the longest that a step may take
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "parsers/coding/decompressor.hpp"
#include "tests/support/compressing.hpp"

namespace {

using namespace sluice;
using parsers::Decompressor;

void run(benchmark::State& state, ContentCoding coding, const std::string& text, const std::string& body) {
    const auto decompressor = parsers::make_decompressor(coding);
    std::vector<char> room(text.size() + 1);
    std::uint64_t steps = 0;
    for (auto _ : state) {
        decompressor->start(body);
        std::size_t written = 0;
        for (bool goes_on = true; goes_on; ++steps) {
            const auto progress = decompressor->step(room, written);
            written = progress.written_bytes;
            goes_on = progress.state == Decompressor::State::more;
        }
        if (written != text.size()) state.SkipWithError("the text is not whole");
    }
    state.counters["ratio"] = static_cast<double>(text.size()) / static_cast<double>(body.size());
    state.counters["steps"] = static_cast<double>(steps) / static_cast<double>(state.iterations());
    state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}

void usual(benchmark::State& state, ContentCoding coding, int level, std::size_t samples_count) {
    const std::string text = tests::telemetry_lines(samples_count);
    run(state, coding, text, tests::compressed(coding, text, level));
    state.SetItemsProcessed(static_cast<std::int64_t>(samples_count) * state.iterations());
}
BENCHMARK_CAPTURE(usual, decompress_gzip_1, ContentCoding::gzip, 1, 1000);
BENCHMARK_CAPTURE(usual, decompress_gzip_6, ContentCoding::gzip, 6, 1000);
BENCHMARK_CAPTURE(usual, decompress_zstd_3, ContentCoding::zstd, 3, 1000);
BENCHMARK_CAPTURE(usual, decompress_snappy, ContentCoding::snappy, 0, 1000);
BENCHMARK_CAPTURE(usual, decompress_snappy_framed, ContentCoding::snappy_framed, 0, 1000);
BENCHMARK_CAPTURE(usual, decompress_long_gzip_6, ContentCoding::gzip, 6, 20'000);
BENCHMARK_CAPTURE(usual, decompress_long_zstd_3, ContentCoding::zstd, 3, 20'000);
BENCHMARK_CAPTURE(usual, decompress_long_snappy, ContentCoding::snappy, 0, 20'000);

// RFC 1951 section 3.2.7: blocks with a code of their own, which end at once; 91 bits each.
class BitWriter {
  public:
    void put(std::uint32_t bits, int count) {  // the lowest first
        for (int i = 0; i < count; ++i) {
            if (used_ % 8 == 0) bytes_ += '\0';
            bytes_.back() = static_cast<char>(bytes_.back() | ((bits >> i & 1) << (used_ % 8)));
            ++used_;
        }
    }
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
    std::size_t used_ = 0;
};

std::string blocks_without_text(std::size_t bytes) {
    BitWriter writer;
    while (writer.bytes().size() + 12 < bytes) {
        const bool is_last = writer.bytes().size() + 24 >= bytes;
        writer.put(is_last ? 1 : 0, 1);
        writer.put(2, 2);  // a code of its own
        writer.put(0, 5);  // 257 literals
        writer.put(0, 5);  // 1 distance
        writer.put(18 - 4, 4);  // 18 lengths of code lengths: of 18 (third) and of 1 (last) 1 bit, else none
        for (int i = 0; i < 18; ++i) writer.put(i == 2 || i == 17 ? 1 : 0, 3);
        writer.put(0, 1);  // literal 0: 1 bit
        writer.put(1, 1), writer.put(138 - 11, 7);  // 138 literals that are not used
        writer.put(1, 1), writer.put(255 - 138 - 11, 7);  // 117 more
        writer.put(0, 1);  // the end of the block: 1 bit
        writer.put(0, 1);  // the distance: 1 bit
        writer.put(1, 1);  // the end of the block
    }
    return writer.bytes();
}

void hostile_deflate(benchmark::State& state) {
    const std::string body = blocks_without_text(static_cast<std::size_t>(state.range(0)));
    const auto decompressor = parsers::make_decompressor(ContentCoding::deflate);
    std::vector<char> room(64 * 1024);
    for (auto _ : state) {
        decompressor->start(body);
        const auto progress = decompressor->step(room, 0);
        if (progress.state == Decompressor::State::refused) state.SkipWithError("the body is not valid");
    }
}
BENCHMARK(hostile_deflate)->Name("decompress_hostile_deflate")->Arg(1 << 12)->Arg(1 << 14)->Arg(1 << 20);

// Blocks of zstd without text: 3 bytes each (RFC 8878 section 3.1.1.2), raw, of size 0.
void hostile_zstd(benchmark::State& state) {
    std::string body = tests::streamed_zstd("");
    body.resize(body.size() - 3);  // its last block
    for (std::int64_t i = 0; i < state.range(0) / 3; ++i) body.append(3, '\0');
    const auto decompressor = parsers::make_decompressor(ContentCoding::zstd);
    std::vector<char> room(64 * 1024);
    for (auto _ : state) {
        decompressor->start(body);
        benchmark::DoNotOptimize(decompressor->step(room, 0));
    }
}
BENCHMARK(hostile_zstd)->Name("decompress_hostile_zstd")->Arg(1 << 20);

// Snappy's copies of one byte, 2 bytes each.
void hostile_snappy(benchmark::State& state) {
    std::string body("\x80\x80\x40", 3);  // 1 MiB
    body += std::string("\0a", 2);
    while (body.size() < 1 << 20) body += std::string("\x02\x01\x00", 3);
    const auto decompressor = parsers::make_decompressor(ContentCoding::snappy);
    std::vector<char> room(1 << 20);
    for (auto _ : state) {
        decompressor->start(body);
        benchmark::DoNotOptimize(decompressor->step(room, 0));
    }
}
BENCHMARK(hostile_snappy)->Name("decompress_hostile_snappy");

}  // namespace
