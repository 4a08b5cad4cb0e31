// Dead letters: where a refused record lies in its body, and what becomes of letters that nobody writes.
// runs: release asan
#include "engine/dead_letters/dead_letters.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/dead_letters/record_text.hpp"
#include "engine/dead_tool/http_post.hpp"

namespace sluice::dead_letters {
namespace {

TEST(DeadLetters, ARecordIsFoundInItsBody) {
    struct Row {
        IngestFormat format;
        std::string_view body;
        std::size_t begin;
        std::string_view record;
        Refusal reason = Refusal::bad_device_id;
    };
    for (const Row& row : {
             Row{IngestFormat::json, R"({"a":1})", 0, R"({"a":1})"},
             {IngestFormat::json, R"([{"a":{"b":"}\"]"}} , {"c":2}])", 1, R"({"a":{"b":"}\"]"}})"},
             {IngestFormat::json, R"([{"a":1},{"c":2}])", 9, R"({"c":2})"},
             {IngestFormat::json, R"([7, {"c":2}])", 1, "7"},
             {IngestFormat::json, R"(["x,]",8])", 1, R"("x,]")"},
             {IngestFormat::json, "[7]", 1, "7"},
             {IngestFormat::json, "{\"a\":1}\n{\"b\":2}\n", 8, "{\"b\":2}"},
             {IngestFormat::json, "{\"a\":1}\r\n{\"b\":x}\r\n", 14, "{\"b\":x}", Refusal::malformed_record},
             {IngestFormat::json, "{\"b\":x}", 5, "{\"b\":x}", Refusal::malformed_record},
             {IngestFormat::json, R"({"a":"\)", 0, R"({"a":"\)"},
             {IngestFormat::influx, "a b=1\nc d=\n", 6, "c d="},
             {IngestFormat::influx, "a b=1\r\n", 0, "a b=1"},
             {IngestFormat::collectd, R"([{"values":[1]}])", 1, R"({"values":[1]})"},
             {IngestFormat::otlp, "x", 0, ""},
             {IngestFormat::json, "", 0, ""},
             {IngestFormat::influx, "a", 9, ""},
         })
        EXPECT_EQ(record_at(row.body, row.begin, row.format, row.reason), row.record) << row.body << " " << row.begin;
}

TEST(DeadLetters, WithoutARedisTheyAreCounted) {
    tenants::TenantsFigures figures;
    DeadLetters letters(nullptr, figures);
    letters.start();
    letters.offer({.stream = "t",
                   .tenant = "a",
                   .device_id = {},
                   .precision = {},
                   .raw = "{}",
                   .reason = Refusal::bad_device_id,
                   .format = IngestFormat::json,
                   .received_ns = 1,
                   .offset = 0});
    letters.stop_and_join();
    EXPECT_EQ(figures.dead_letters_dropped.load(), 1u);
    EXPECT_EQ(figures.dead_letters.load(), 0u);
}

TEST(DeadLetters, AreSentToAnAddress) {
    struct Row {
        std::string_view url, host;
        std::uint16_t port;
    };
    for (const Row& row : {Row{"http://127.0.0.1:8080", "127.0.0.1", 8080},
                           {"http://sluice.test/", "sluice.test", 80},
                           {"http://[::1]:81", "::1", 81},
                           {"http://[::1]", "::1", 80}}) {
        const auto target = dead_tool::parse_target(row.url);
        ASSERT_TRUE(target.has_value()) << row.url;
        EXPECT_EQ(target->host, row.host);
        EXPECT_EQ(target->port, row.port);
    }
    for (const std::string_view url : {"", "http://", "https://a", "redis://a", "http://a/write", "http://a:b",
                                       "http://a:", "http://u:p@a", "http://:80", "http://[::1"})
        EXPECT_FALSE(dead_tool::parse_target(url).has_value()) << url;
}

}  // namespace
}  // namespace sluice::dead_letters
