// Dead letters: where a refused record lies in its body, and what becomes of letters that nobody writes.
// runs: release asan tsan
#include "engine/dead_letters/dead_letters.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>

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
        std::size_t end = 0;
    };
    constexpr auto any = Refusal::bad_device_id, too_large = Refusal::sample_too_large;
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
             {IngestFormat::influx, "a b=1\nc d=\n", 6, "c d=", any, 10},
             {IngestFormat::influx, "a b=1\r\n", 0, "a b=1", any, 6},
             {IngestFormat::influx, "a b=\"x\ny\" 1\nc d=1", 0, "a b=\"x\ny\" 1", any, 11},
             {IngestFormat::influx, "a b=11\nc d=1", 0, "a b=11", too_large, 4},
             {IngestFormat::collectd, R"([{"values":[1]}])", 1, R"({"values":[1]})"},
             {IngestFormat::otlp, "x", 0, ""},
             {IngestFormat::json, "", 0, ""},
             {IngestFormat::influx, "a", 9, ""},
         })
        EXPECT_EQ(record_at(row.body, row.begin, row.end, row.format, row.reason), row.record)
            << row.body << " " << row.begin;
}

Letter letter(std::string_view raw, tenants::TenantNumber tenant_number = 0) {
    return {.stream = "t",
            .tenant = "a",
            .tenant_number = tenant_number,
            .device_id = "d",
            .precision = {},
            .path = "/telemetry",
            .raw = raw,
            .reason = Refusal::bad_device_id,
            .format = IngestFormat::json,
            .received_ns = 1,
            .offset = 2};
}

TEST(DeadLetters, AnOutboxKeepsThemInOrderAndIsBounded) {
    tenants::TenantsFigures figures;
    Outbox outbox(true, figures);
    EXPECT_EQ(outbox.front(), nullptr);
    for (std::size_t round = 0; round < 3; ++round) {
        const std::uint64_t dropped_before = figures.dead_letters_dropped.load();
        for (std::size_t i = 0; i < Outbox::letters_count_max / 2 + 5; ++i) outbox.offer(letter(std::to_string(i)));
        EXPECT_EQ(figures.dead_letters_dropped.load() - dropped_before, 5u);
        for (std::size_t i = 0; i < Outbox::letters_count_max / 2; ++i, outbox.pop()) {
            ASSERT_NE(outbox.front(), nullptr);
            const Letter kept = outbox.front()->letter();
            EXPECT_EQ(kept.raw, std::to_string(i));
            EXPECT_EQ(std::string(kept.stream).append(kept.tenant).append(kept.device_id), "tad");
            EXPECT_EQ(kept.path, "/telemetry");
            EXPECT_EQ(kept.offset, 2u);
        }
        EXPECT_EQ(outbox.front(), nullptr);
    }
    const std::string raw(limits::dead_letter_raw_bytes_max + 1, 'x');
    outbox.offer(letter(raw));
    EXPECT_EQ(outbox.front()->letter().raw.size(), limits::dead_letter_raw_bytes_max);
    EXPECT_EQ(outbox.front()->whole_bytes(), raw.size());
}

TEST(DeadLetters, NoTenantCrowdsOutAnother) {
    tenants::TenantsFigures figures;
    Outbox outbox(true, figures);
    const auto offer = [&](tenants::TenantNumber tenant, std::size_t count) {
        const std::uint64_t dropped_before = figures.dead_letters_dropped.load();
        for (std::size_t i = 0; i < count; ++i) outbox.offer(letter("{}", tenant));
        return count - (figures.dead_letters_dropped.load() - dropped_before);
    };
    EXPECT_EQ(offer(0, 5000), 512u);
    EXPECT_EQ(offer(1, 5000), 256u);
    EXPECT_EQ(offer(0, 5000), 0u);
    EXPECT_EQ(offer(limits::tenants_count_max - 1, 10), 10u);
    std::size_t count = 0;
    for (; outbox.front() != nullptr; ++count) outbox.pop();
    EXPECT_EQ(count, 512u + 256u + 10u);
    EXPECT_EQ(offer(1, 5000), 512u);  // what was taken out is nobody's
}

TEST(DeadLetters, TwoThreadsShareAnOutbox) {
    tenants::TenantsFigures figures;
    Outbox outbox(true, figures);
    constexpr std::uint64_t offered_count = 20'000;
    std::atomic<bool> is_over{false};
    std::thread reactor([&] {
        for (std::uint64_t i = 0; i < offered_count; ++i) outbox.offer(letter(std::to_string(i)));
        is_over.store(true, std::memory_order_release);
    });
    std::uint64_t taken_count = 0, next = 0;
    for (;;) {  // ends: the other thread does
        const bool was_over = is_over.load(std::memory_order_acquire);
        const Outbox::Slot* const slot = outbox.front();
        if (slot == nullptr) {
            if (was_over) break;
            std::this_thread::yield();
            continue;
        }
        const std::uint64_t number = std::stoull(std::string(slot->letter().raw));
        EXPECT_GE(number, next);
        next = number + 1;
        ++taken_count;
        outbox.pop();
    }
    reactor.join();
    EXPECT_EQ(taken_count + figures.dead_letters_dropped.load(), offered_count);
}

TEST(DeadLetters, WithoutARedisTheyAreCounted) {
    tenants::TenantsFigures figures;
    DeadLetters letters(nullptr, 1, figures);
    letters.start();
    letters.outbox(0).offer(letter("{}"));
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
