// BodyReader: a body that is read in many turns gives what it gives in one, and nothing of a body that was refused or
// forgotten stays.
// runs: release asan
#include "engine/ingest/body_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "parsers/json/json_decoder.hpp"
#include "tests/support/batcher_bench.hpp"

namespace sluice {
namespace {

std::string lines_of(int count, const std::string& last = "") {
    std::string body;
    for (int i = 0; i < count; ++i)
        body += R"({"device_id":"d)" + std::to_string(i % 3) + R"(","type":"t","value":)" + std::to_string(i) + "}\n";
    return body + last;
}

class BodyReaderTest : public testing::Test {
  protected:
    // Reads `text`, a look at a time if `in_turns`; returns how many turns it took.
    int read(const std::string& text, bool in_turns, parsers::BodyFormat format = parsers::BodyFormat::ndjson) {
        body = text + std::string(limits::body_padding_bytes, ' ');
        *request = {};
        request->body = std::string_view(body).substr(0, text.size());
        request->dialect = static_cast<parsers::Dialect>(format);
        request->precision = parsers::Precision::by_magnitude;
        request->purpose = Purpose::store;
        request->format = IngestFormat::json;
        request->result.start(AckLevel::queued, false);
        reader.start(decoder, *request, 1'700'000'000'000'000'000);
        int turns_count = 1;
        while (reader.read([in_turns] { return !in_turns; }) == BodyReader::State::reading) ++turns_count;
        return turns_count;
    }
    // What the sink would get.
    std::string handed_over() {
        std::string bytes;
        bench.batcher->hand_over(2, [&](Batch& batch) { bytes.append(batch.bytes().data(), batch.bytes().size()); });
        return bytes;
    }

    static constexpr int batches_count = 1000;
    tests::BatcherBench bench{{.lanes_count = 3, .batches_count = batches_count}};
    ByFormat<SampleCounters> by_format;
    SampleCounters& counters = by_format[IngestFormat::json];
    parsers::JsonDecoder decoder;
    BodyReader reader{*bench.batcher, bench.batcher->apart(), by_format};
    std::unique_ptr<OpenRequest> request = std::make_unique<OpenRequest>();
    LatestSample latest{};
    std::string body;
};

TEST_F(BodyReaderTest, ManyTurnsGiveWhatOneGives) {
    const std::string text = lines_of(1000, "{\"device_id\":\"d0\"}\n");
    EXPECT_EQ(read(text, false), 1);
    EXPECT_EQ(reader.commit(std::nullopt, {}, latest), 0u);
    const std::string at_once = handed_over();
    EXPECT_GT(read(text, true), 1000 / BodyReader::records_per_look_count);
    EXPECT_EQ(reader.state(), BodyReader::State::whole);
    EXPECT_EQ(request->result.rejected, 1u);
    EXPECT_EQ(request->result.errors[0].index, 1000u);
    reader.commit(std::nullopt, {}, latest);
    const std::string left_of_the_first = "d0:996;d0:999;d1:997;d2:998;";  // in batches that were not full
    EXPECT_EQ(handed_over(), left_of_the_first + at_once);
    EXPECT_EQ(counters.accepted, 2000u);
    EXPECT_EQ(latest.view(), R"({"device_id":"d0","type":"t","value":999})");
    EXPECT_TRUE(counters.is_conserved(2000));
    EXPECT_EQ(total_of(by_format).received, counters.received) << "nothing is counted under another format";
}

// What each format has in a batch is what was committed of it.
TEST_F(BodyReaderTest, ABatchKnowsHowManySamplesOfEachFormatItHas) {
    static_cast<void>(read(lines_of(3), false));
    request->format = IngestFormat::otlp;
    reader.commit(std::nullopt, {}, latest);
    static_cast<void>(read(lines_of(4), false));
    reader.commit(RequestRef{0, 0}, {}, latest);
    static_cast<void>(read(lines_of(50), false));
    reader.forget();
    EXPECT_EQ(bench.batcher->waiting_samples_by_format()[IngestFormat::otlp], 3u);
    EXPECT_EQ(bench.batcher->waiting_samples_by_format()[IngestFormat::json], 4u);
    ByFormat<std::uint64_t> samples;
    bench.batcher->hand_over(2, [&](Batch& batch) {
        std::uint32_t sum = 0;
        for (const IngestFormat format : ingest_formats) {
            samples[format] += batch.shares[format].samples_count;
            sum += batch.shares[format].samples_count;
        }
        EXPECT_EQ(sum, batch.sample_count());
    });
    EXPECT_EQ(samples[IngestFormat::otlp], 3u);
    EXPECT_EQ(samples[IngestFormat::json], 4u);
    EXPECT_EQ(total_of(samples), 7u);
    EXPECT_EQ(total_of(bench.batcher->waiting_samples_by_format()), 0u);
}

// Also one that is as long as a sample may be, and one that came over several lines.
TEST_F(BodyReaderTest, TheLatestSampleIsKeptWhole) {
    const std::string begin = R"({"device_id":"d0","type":"t","value":1,"x":")";
    const std::string longest = begin + std::string(limits::sample_bytes_max - begin.size() - 2, 'y') + "\"}";
    for (const std::string& sample :
         {longest, std::string("{\"device_id\":\"d0\",\n\"type\":\"t\",\r\n\"value\":1.50}")}) {
        static_cast<void>(read("[" + lines_of(1).substr(0, lines_of(1).size() - 1) + "," + sample + "]", true,
                               parsers::BodyFormat::json));
        ASSERT_EQ(reader.state(), BodyReader::State::whole);
        reader.commit(std::nullopt, {}, latest);
        std::string line = sample;
        std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\r'; }, ' ');
        EXPECT_EQ(latest.view(), line);
    }
}

TEST_F(BodyReaderTest, SaysWhereTheTextOfARecordBreaks) {
    static_cast<void>(read(lines_of(1) + "{\"device_id\":tru}\n{}\n", true));
    ASSERT_EQ(request->result.errors_count, 2u);
    EXPECT_EQ(request->result.errors[0].refusal, Refusal::malformed_record);
    EXPECT_EQ(request->result.errors[0].offset, lines_of(1).size() + 16);
    EXPECT_EQ(request->result.errors[1].refusal, Refusal::missing_device_id);
    reader.commit(std::nullopt, {}, latest);
}

// Which record of the body each sample was, for the answer to a request of which a part fails.
TEST_F(BodyReaderTest, ABatchKnowsTheRecordsOfItsSamples) {
    static_cast<void>(read("{}\n" + lines_of(4, "{}\n") + lines_of(4), false));
    reader.commit(RequestRef{0, 0}, {}, latest);
    std::vector<std::uint32_t> records;
    bench.batcher->hand_over(2, [&](Batch& batch) {
        for (const BatchTicket& ticket : batch.tickets())
            for (std::uint32_t i = 0; i < ticket.sample_count; ++i)
                records.push_back(batch.record_of(ticket.first_sample + i));
    });
    std::ranges::sort(records);
    EXPECT_EQ(records, (std::vector<std::uint32_t>{1, 2, 3, 4, 6, 7, 8, 9}));
}

TEST_F(BodyReaderTest, NothingOfARefusedBodyStays) {
    std::string array = "[";
    for (int i = 0; i < 100; ++i) array += R"({"device_id":"d0","type":"t","value":1},)";
    static_cast<void>(read(array + "oops]", true, parsers::BodyFormat::json));
    EXPECT_EQ(reader.state(), BodyReader::State::refused);
    EXPECT_EQ(reader.refusal().reason, Refusal::invalid_json);
    EXPECT_TRUE(reader.refusal().has_offset);
    EXPECT_EQ(bench.pool.in_use_count(), 0u);
    EXPECT_EQ(counters.rejected[static_cast<std::size_t>(Refusal::invalid_json)], 101u);
    EXPECT_TRUE(counters.is_conserved(0));
}

TEST_F(BodyReaderTest, MoreThanThereAreBatches) {
    static_cast<void>(read(lines_of(batches_count * static_cast<int>(tests::samples_per_batch) + 100), true));
    EXPECT_EQ(reader.state(), BodyReader::State::refused);
    EXPECT_EQ(reader.refusal().reason, Refusal::too_many_batches) << "nothing is under way that could make room";
    EXPECT_EQ(bench.pool.in_use_count(), 0u);
    EXPECT_TRUE(counters.is_conserved(0));
}

TEST_F(BodyReaderTest, AForgottenBodyCountsNothing) {
    body = lines_of(100) + std::string(limits::body_padding_bytes, ' ');
    static_cast<void>(read(lines_of(10), false));
    reader.forget();
    EXPECT_EQ(reader.state(), BodyReader::State::idle);
    EXPECT_EQ(bench.pool.in_use_count(), 0u);
    EXPECT_EQ(counters.received, 0u);
    EXPECT_TRUE(counters.is_conserved(0));
}

}  // namespace
}  // namespace sluice
