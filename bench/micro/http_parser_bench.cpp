// What reading a request's framing costs: a small POST as clients send it, alone and sixteen in one piece.
//
//   sluice-bench --benchmark_filter=http_parser --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "parsers/http/http_parser.hpp"

namespace {

using namespace sluice::parsers;

constexpr std::uint64_t body_bytes_max = 8u << 20;

class CountingBody final : public BodyReceiver {
  public:
    std::optional<sluice::Refusal> on_body(std::span<const char> bytes) override {
        bytes_count += bytes.size();
        return std::nullopt;
    }
    std::size_t bytes_count = 0;
};

std::string request(bool has_browser_headers) {
    const std::string body = R"({"device_id":"sensor-17","type":"temperature","value":27.3,"unit":"celsius"})";
    std::string text = "POST /telemetry HTTP/1.1\r\nHost: ingest.example:8080\r\nContent-Type: application/json\r\n";
    if (has_browser_headers)
        text +=
            "User-Agent: python-requests/2.31.0\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: "
            "keep-alive\r\n";
    return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

void http_parser(benchmark::State& state, bool has_browser_headers) {
    const auto requests_count = static_cast<std::size_t>(state.range(0));
    std::string bytes;
    for (std::size_t i = 0; i < requests_count; ++i) bytes += request(has_browser_headers);
    HttpParser parser;
    parser.start(body_bytes_max);
    const auto head = std::make_unique<RequestHead>();
    CountingBody body;
    for (auto _ : state) {
        std::span<const char> left = bytes;
        for (std::size_t i = 0; i < requests_count; ++i) {
            head->clear();
            const HttpParser::Result result = parser.parse(left, *head, body);
            if (result.event != HttpParser::Event::complete) std::abort();
            left = left.subspan(result.consumed_bytes);
        }
        benchmark::DoNotOptimize(body.bytes_count);
    }
    const auto count = static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(requests_count);
    state.SetItemsProcessed(count);
    state.counters["ns_per_request"] =
        benchmark::Counter(static_cast<double>(count) / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(http_parser, short_head, false)->Arg(1)->Arg(16);
BENCHMARK_CAPTURE(http_parser, requests_head, true)->Arg(1)->Arg(16);

}  // namespace
