// A format that exists in this test only, through everything that a format touches: the gate, the reader, batches,
// every layout, the journal, and the decoder that reads a journal. What is needed to add a format is what stands here.
// runs: release asan
#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batching/batcher.hpp"
#include "engine/ingest/gate.hpp"
#include "engine/ingest/ingest.hpp"
#include "parsers/json/json_decoder.hpp"
#include "sinks/journal/encoder.hpp"
#include "sinks/redis/layout/encoder.hpp"
#include "tests/support/batcher_bench.hpp"
#include "tests/support/decoding.hpp"
#include "tests/support/request_head.hpp"

namespace sluice {
namespace {

// "device=number;device=number;…": each is a sample of type `reading`. Renders `raw` itself, as a format that is not
// JSON must.
class PairDecoder final : public parsers::Decoder {
  public:
    void start(std::string_view body, parsers::Dialect dialect, const parsers::DecodeOptions& options) override {
        body_ = rest_ = body;
        separator_ = dialect == 0 ? ';' : '\n';
        arrival_ns_ = options.arrival_ns;
        records_count_ = 0;
    }
    [[nodiscard]] parsers::Step next() override {
        if (rest_.empty()) return parsers::Step::end;
        at_ = static_cast<std::size_t>(rest_.data() - body_.data());
        const std::size_t end = std::min(rest_.find(separator_), rest_.size());
        const std::string_view pair = rest_.substr(0, end);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        ++records_count_;
        if (pair == "break") {
            refusal_ = Refusal::invalid_utf8;
            return parsers::Step::body_refused;
        }
        const std::size_t equals = pair.find('=');
        refusal_ = Refusal::missing_value;
        if (equals == std::string_view::npos) return parsers::Step::record_refused;
        sample_ = {};
        sample_.device_id = pair.substr(0, equals);
        sample_.type = "reading";
        sample_.value = pair.substr(equals + 1);
        sample_.value_kind = ValueKind::number;
        sample_.timestamp_ns = arrival_ns_;
        raw_ = R"({"device_id":")" + std::string(sample_.device_id) + R"(","type":"reading","value":)" +
               std::string(sample_.value) + R"(,"timestamp":)" + std::to_string(arrival_ns_) + "}";
        sample_.raw = raw_;
        return parsers::Step::sample;
    }
    [[nodiscard]] const Sample& sample() const override { return sample_; }
    [[nodiscard]] Refusal refusal() const override { return refusal_; }
    [[nodiscard]] std::uint32_t record_index() const override { return records_count_ - 1; }
    [[nodiscard]] std::size_t offset() const override { return at_; }
    [[nodiscard]] bool is_single() const override { return false; }

  private:
    std::string_view body_;
    std::string_view rest_;
    char separator_ = ';';
    std::int64_t arrival_ns_ = 0;
    std::uint32_t records_count_ = 0;
    std::size_t at_ = 0;
    Refusal refusal_{};
    Sample sample_;
    std::string raw_;
};

void answer_pairs(const IngestResult& result, http::Response& response, http::BlockPool&) {
    response.start(204, "");
    response.add_header("Pairs-Written", std::uint64_t{result.accepted});
    response.add_header(ack_header_name, name_of(result.ack));
}

void refuse_pairs(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks) {
    response.start(static_cast<std::uint16_t>(info_of(refusal.reason).status), "text/plain");
    response.set_refusal(refusal.reason);
    response.append_body(blocks, "pairs: " + std::string(info_of(refusal.reason).code));
}

constexpr MediaType pair_types[]{{"text/pairs", 0}, {"text/pairs-in-lines", 1}};

constexpr std::string_view pair_paths[]{"/pairs"};

const Format pair_formats[]{
    {.name = IngestFormat::influx,
     .paths = pair_paths,
     .media_types = pair_types,
     .make_decoder = [](const SampleMapping&) -> std::unique_ptr<parsers::Decoder> {
         return std::make_unique<PairDecoder>();
     },
     .precision = parsers::Precision::ns,
     .answer = answer_pairs,
     .refuse = refuse_pairs},
};

class NoHooks final : public Server::Callbacks {
  public:
    void take_completions() override {}
    void hand_over(std::uint64_t) override {}
};

class NoApplication final : public http::Application {
  public:
    [[nodiscard]] http::Decision on_request(const http::Request&, RequestRef, http::Response&) override {
        return http::Decision::now;
    }
    [[nodiscard]] bool refuses_head(const http::Request&, http::Response&) override { return false; }
    void on_refused(Refusal, Slot, const http::Request*, http::Response&) override {}
    void on_body_lost(RequestRef) override {}
    void on_overdue(RequestRef, http::Response&) override {}
    void on_responses_sent(std::uint32_t, IngestFormat, std::uint64_t, std::uint64_t) override {}
};

ServerSettings server_settings() {
    ServerSettings settings{};
    settings.loop.slots_count_max = 4;
    settings.body_memory_bytes = limits::mib;
    return settings;
}

// A reactor's part without its loop: requests come as calls, with ack=queued, and batches are taken by a test.
class Line {
  public:
    explicit Line(std::unique_ptr<sinks::Encoder> encoder, const AckOffer& offer = {})
        : encoder_(std::move(encoder)),
          pool_(64, limits::batch_arena_bytes_min, 0),
          sink_(std::make_unique<tests::CountingSink>(submitted_), 1, 64),
          batcher_(*encoder_, pool_, sink_.producer(0), {.pipeline_depth = 64}),
          admission_(state_, signal_),
          server_(server_settings(), application_, hooks_),
          gate_(pair_formats, admission_, batcher_, offer, {}, nullptr),
          ingest_(pair_formats, server_, admission_, batcher_, {}, nullptr, refusal_log_) {
        gate_.add_route({"/page", http::Methods::get, 3});
    }

    // The status, and the text of the answer: its headers without names, then its body.
    std::string ask(std::string_view path, std::string_view lines, std::string_view body) {
        const parsers::RequestHead head = tests::request_head(lines);
        const http::Request request{.head = head,
                                    .path = path,
                                    .query = "ack=queued",
                                    .body = body,
                                    .received_ns = 1,
                                    .is_body_lendable = false};
        http::Response response;
        const auto passage = gate_.check(request, Gate::Body::whole);
        if (!passage) {
            ingest_.refuse(passage.error().format, {.reason = passage.error().reason}, response);
        } else {
            EXPECT_EQ(ingest_.on_request(request, *passage, {0, 0}, response), http::Decision::now);
        }
        std::string text = std::to_string(response.status());
        for (const http::Header& header : response.headers()) text += " " + std::string(header.value);
        http::Output output;
        EXPECT_TRUE(response.move_body_to(output, server_.blocks()));
        if (output.first != nullptr) text += " " + std::string(output.first->data, output.first->end);
        output.clear(server_.blocks());
        return text;
    }

    Batcher& batcher() { return batcher_; }
    const ByFormat<SampleCounters>& counters() const { return ingest_.counters(); }
    [[nodiscard]] ByFormat<std::uint64_t> in_flight() const { return ingest_.in_flight_samples_by_format(); }

  private:
    std::unique_ptr<sinks::Encoder> encoder_;
    BatchPool pool_;
    std::atomic<std::size_t> submitted_{0};
    SinkThread sink_;
    Batcher batcher_;
    EngineState state_;
    sinks::SinkSignal signal_;
    Admission admission_;
    NoApplication application_;
    NoHooks hooks_;
    Server server_;
    ClientAddresses clients_{[this](Slot slot) { return server_.peer_of(slot); }};
    RefusalLog refusal_log_{server_, clients_};
    Gate gate_;
    Ingest ingest_;
};

std::string handed_over(Line& line) {
    std::string bytes;
    line.batcher().hand_over(2, [&bytes](Batch& batch) { bytes.append(batch.bytes().data(), batch.bytes().size()); });
    return bytes;
}

std::unique_ptr<sinks::Encoder> encoder_of(RedisLayout layout) {
    sinks::RedisLayoutSettings settings;
    settings.layout = layout;
    settings.stream = "telemetry";
    settings.list_key = "telemetry_queue";
    return sinks::make_redis_encoder(settings);
}

TEST(FormatSeam, AnswersInItsOwnShape) {
    Line line(encoder_of(RedisLayout::fields));
    EXPECT_EQ(line.ask("/pairs", "", "d1=1;d2=2.5"), "204 2 queued");
    EXPECT_EQ(line.ask("/pairs", "Content-Type: text/pairs-in-lines\r\n", "d1=1\nd2=2.5"), "204 2 queued");
    EXPECT_EQ(line.ask("/pairs", "", "d1=1;nothing;d2=2"), "204 2 queued");
    EXPECT_EQ(line.ask("/pairs", "", "d1=1;break;d2=2"), "400 pairs: invalid_utf8");
    EXPECT_EQ(line.ask("/pairs", "", ""), "400 pairs: empty_body");
    EXPECT_EQ(line.ask("/pairs", "Content-Type: application/json\r\n", "{}"), "415 pairs: unsupported_media_type");
    EXPECT_TRUE(line.ask("/telemetry", "", "{}").starts_with("404 {\"ok\":false"));
    const SampleCounters& counters = line.counters()[IngestFormat::influx];
    EXPECT_EQ(counters.accepted, 6u);
    EXPECT_EQ(counters.rejected[static_cast<std::size_t>(Refusal::missing_value)], 1u);
    EXPECT_EQ(counters.rejected[static_cast<std::size_t>(Refusal::invalid_utf8)], 2u);
    EXPECT_TRUE(are_conserved(line.counters(), line.in_flight()));
    EXPECT_EQ(line.in_flight()[IngestFormat::influx], 6u);
}

TEST(FormatSeam, SaysThatADiscardingSinkPromisesNothing) {
    Line line(encoder_of(RedisLayout::fields), {.is_discarding = true});
    EXPECT_EQ(line.ask("/pairs", "", "d1=1;d2=2.5"), "204 2 none");
}

TEST(FormatSeam, IsRenderedInEveryLayout) {
    struct Row {
        RedisLayout layout;
        std::vector<std::string_view> parts;
    };
    for (const Row& row :
         {Row{RedisLayout::fields, {"XADD", "telemetry", "device_id\r\n$2\r\nd1\r\n", "value\r\n$1\r\n7\r\n"}},
          Row{RedisLayout::json, {"XADD", R"({"device_id":"d1","type":"reading","value":7,"timestamp":)"}},
          Row{RedisLayout::list, {"RPUSH", "telemetry_queue", R"({"device_id":"d1","type":"reading","value":7,)"}},
          // The command around them is rendered when the batch is sealed, behind this look.
          Row{RedisLayout::packed, {R"({"device_id":"d1","type":"reading","value":7,"timestamp":)"}}}) {
        Line line(encoder_of(row.layout));
        ASSERT_EQ(line.ask("/pairs", "", "d1=7"), "204 1 queued");
        const std::string bytes = handed_over(line);
        for (const std::string_view part : row.parts)
            EXPECT_NE(bytes.find(part), std::string::npos) << part << "\n" << bytes;
    }
}

// What the journal keeps is `raw`, and JsonDecoder makes the same sample of it.
TEST(FormatSeam, IsReadBackFromAJournal) {
    Line line(sinks::make_journal_encoder());
    ASSERT_EQ(line.ask("/pairs", "", "d1=7.25"), "204 1 queued");
    const std::string bytes = handed_over(line);
    const std::size_t begin = bytes.find("{\"device_id\"");  // in front of it a checksum may have any bytes
    ASSERT_NE(begin, std::string::npos);
    const std::size_t end = bytes.find('}', begin);
    ASSERT_NE(end, std::string::npos);
    const std::string record = bytes.substr(begin, end + 1 - begin);
    PairDecoder pairs;
    pairs.start("d1=7.25", 0, {parsers::Precision::ns, 1'700'000'000'000'000'000});
    ASSERT_EQ(pairs.next(), parsers::Step::sample);
    const tests::OwnedSample written = tests::owned(pairs.sample());
    const tests::Decoded decoded = tests::decode(written.raw, parsers::BodyFormat::json, {parsers::Precision::ns, 0});
    ASSERT_EQ(decoded.samples.size(), 1u) << written.raw;
    EXPECT_EQ(decoded.samples[0].device_id, written.device_id);
    EXPECT_EQ(decoded.samples[0].type, written.type);
    EXPECT_EQ(decoded.samples[0].value, written.value);
    EXPECT_EQ(decoded.samples[0].value_kind, written.value_kind);
    EXPECT_EQ(decoded.samples[0].timestamp_ns, written.timestamp_ns);
    EXPECT_EQ(decoded.samples[0].raw, written.raw);
    EXPECT_TRUE(record.starts_with(R"({"device_id":"d1","type":"reading","value":7.25,"timestamp":)")) << record;
}

}  // namespace
}  // namespace sluice
