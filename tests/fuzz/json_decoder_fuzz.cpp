// Fuzzes JsonDecoder and the Redis encoders. The first byte of the input chooses the byte behind the body, the rest is
// the body. It is read as `json` and compared with simdjson's DOM, then as `ndjson`, and what is accepted is rendered
// in every layout and read back with hiredis' reader: one command for each sample, nothing left over.
#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "sinks/redis/layout/encoder.hpp"
#include "tests/support/dom_reference.hpp"
#include "tests/support/exact_body.hpp"

namespace {

using namespace sluice;
using namespace sluice::tests;
using parsers::BodyFormat;

void demand(bool holds, std::string_view what) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: %.*s\n", static_cast<int>(what.size()), what.data());
    std::abort();
}

void check_is_commands(std::string_view wire, std::uint32_t expected_count) {
    const std::unique_ptr<redisReader, void (*)(redisReader*)> reader(redisReaderCreate(), redisReaderFree);
    demand(redisReaderFeed(reader.get(), wire.data(), wire.size()) == REDIS_OK, "the reader takes the bytes");
    for (std::uint32_t i = 0; i < expected_count; ++i) {
        void* reply = nullptr;
        demand(redisReaderGetReply(reader.get(), &reply) == REDIS_OK && reply != nullptr, "a command is complete");
        demand(static_cast<redisReply*>(reply)->type == REDIS_REPLY_ARRAY, "a command is an array");
        freeReplyObject(reply);
    }
    demand(reader->pos == reader->len, "nothing follows the last command");
}

void render(parsers::JsonDecoder& decoder, std::string_view body, BodyFormat format, RedisLayout layout) {
    static std::vector<char> arena(64 * limits::kib);
    static const auto batch = std::make_unique<Batch>();
    batch->bind(arena, 0);
    const auto encoder = sinks::make_redis_encoder({.layout = layout});
    decoder.start(body, format, {});
    for (parsers::Step step{}; step != parsers::Step::end && step != parsers::Step::body_refused;) {
        step = decoder.next();
        if (step != parsers::Step::sample || encoder->append(*batch, decoder.sample())) continue;
        demand(!batch->empty(), "a sample fits an empty batch");
        break;  // full
    }
    if (batch->empty()) return;
    encoder->seal(*batch);
    const std::span<char> wire = batch->bytes();
    check_is_commands({wire.data(), wire.size()}, batch->command_count());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const ExactBody body(input.substr(1), input[0]);
    static parsers::JsonDecoder decoder;
    const Decoded as_json = decode(decoder, body.view, BodyFormat::json);
    if (const auto complaint = difference_to_dom(body.view, as_json)) demand(false, *complaint);
    const Decoded as_lines = decode(decoder, body.view, BodyFormat::ndjson);
    if (const auto complaint = difference_to_line(body.view, as_json, as_lines)) demand(false, *complaint);
    for (const RedisLayout layout : {RedisLayout::fields, RedisLayout::json, RedisLayout::list, RedisLayout::packed}) {
        render(decoder, body.view, BodyFormat::json, layout);
        render(decoder, body.view, BodyFormat::ndjson, layout);
    }
    return 0;
}
