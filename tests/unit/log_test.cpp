// The log: notation, escaping of foreign bytes, levels, rate limit.
// runs: release asan tsan
#include "engine/log/log.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "engine/core/limits.hpp"
#include "tests/support/allocation_counter.hpp"

namespace sluice::log {
namespace {

constexpr std::int64_t moment_ns = 1795465865'123456789;  // 2026-11-23T20:31:05.123456789Z
const std::string prefix = "ts=2026-11-23T20:31:05.123456Z level=info event=tested";

std::string rendered(LogFormat format, Fields fields, std::uint64_t suppressed_count = 0) {
    return render(format, LogLevel::info, moment_ns, "tested", {fields.begin(), fields.size()}, suppressed_count);
}

class Log : public testing::Test {
  protected:
    void TearDown() override { configure(LogLevel::info, LogFormat::logfmt); }
};

TEST_F(Log, RendersLogfmt) {
    EXPECT_EQ(rendered(LogFormat::logfmt, {}), prefix);
    EXPECT_EQ(rendered(LogFormat::logfmt, {{"addr", "127.0.0.1:8080"}, {"cores", 2}, {"bytes", 7ull}, {"low", -3}}),
              prefix + " addr=127.0.0.1:8080 cores=2 bytes=7 low=-3");
    EXPECT_EQ(rendered(LogFormat::logfmt, {{"on", true}, {"off", false}, {"share", 0.25}}, 9),
              prefix + " on=true off=false share=0.25 suppressed=9");
    EXPECT_EQ(rendered(LogFormat::logfmt, {{"big", std::numeric_limits<std::uint64_t>::max()}}),
              prefix + " big=18446744073709551615");
}

TEST_F(Log, RendersJson) {
    const std::string line =
        rendered(LogFormat::json, {{"addr", "[::1]:1"}, {"cores", 2}, {"on", true}, {"nan", NAN}}, 3);
    EXPECT_EQ(line, R"({"ts":"2026-11-23T20:31:05.123456Z","level":"info","event":"tested",)"
                    R"("addr":"[::1]:1","cores":2,"on":true,"nan":"nan","suppressed":3})");
    EXPECT_TRUE(nlohmann::json::accept(line));
}

TEST_F(Log, PadsMicroseconds) {
    EXPECT_TRUE(
        render(LogFormat::logfmt, LogLevel::error, 1'000, "e", {}).starts_with("ts=1970-01-01T00:00:00.000001Z "));
}

struct Escape {
    std::string value, logfmt, json;
};
const Escape escapes[] = {
    {"", R"("")", R"("")"},
    {"plain-word_1/2", "plain-word_1/2", R"("plain-word_1/2")"},
    {"two words", R"("two words")", R"("two words")"},
    {"a=b", R"("a=b")", R"("a=b")"},
    {"x\r\nts=2026 level=error event=forged", R"("x\x0D\x0Ats=2026 level=error event=forged")",
     R"("x\u000D\u000Ats=2026 level=error event=forged")"},
    {R"(" admin=true ")", R"("\" admin=true \"")", R"("\" admin=true \"")"},
    {R"(\")", R"("\\\"")", R"("\\\"")"},
    {std::string("nul\0!", 5), R"("nul\x00!")", R"("nul\u0000!")"},
    {"\x1B[2J", R"("\x1B[2J")", R"("\u001B[2J")"},
    {"\xC3\x28\xFF", R"("\xC3(\xFF")", R"("\u00C3(\u00FF")"},
    {"é", R"("é")", R"("é")"},
    {"\x7F", R"("\x7F")", R"("\u007F")"},
};

TEST_F(Log, EscapesForeignBytes) {
    for (const Escape& row : escapes) {
        EXPECT_EQ(rendered(LogFormat::logfmt, {{"v", row.value}}), prefix + " v=" + row.logfmt);
        EXPECT_TRUE(rendered(LogFormat::json, {{"v", row.value}}).ends_with("\"v\":" + row.json + "}")) << row.json;
    }
}

// Whatever single byte comes, thrice: one line, printable ASCII, and the JSON reader finds exactly the fields we wrote.
TEST_F(Log, NoByteForgesALineOrField) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string value(3, static_cast<char>(byte));
        for (const LogFormat format : {LogFormat::logfmt, LogFormat::json}) {
            for (const char c : rendered(format, {{"v", value}})) ASSERT_TRUE(c >= ' ' && c <= '~') << byte;
        }
        const auto parsed = nlohmann::json::parse(rendered(LogFormat::json, {{"v", value}}));
        ASSERT_EQ(parsed.size(), 4u) << byte;
    }
}

TEST_F(Log, CutsLongValues) {
    const std::string exact(limits::log_value_bytes_max, 'a');
    EXPECT_EQ(rendered(LogFormat::logfmt, {{"v", exact}}), prefix + " v=" + exact);
    EXPECT_EQ(rendered(LogFormat::logfmt, {{"v", exact + "b"}}), prefix + " v=\"" + exact + "…\"");
}

TEST_F(Log, WritesToStderrFromTheLevelOn) {
    configure(LogLevel::warn, LogFormat::logfmt);
    EXPECT_FALSE(enabled(LogLevel::info));
    testing::internal::CaptureStderr();
    debug("hidden");
    info("hidden");
    warn("seen", {{"n", 1}});
    error("seen", {{"n", 2}});
    const std::string text = testing::internal::GetCapturedStderr();
    EXPECT_EQ(text.find("hidden"), std::string::npos);
    EXPECT_NE(text.find(" level=warn event=seen n=1\n"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with(" level=error event=seen n=2\n")) << text;
}

TEST_F(Log, ADisabledLevelAllocatesNothing) {
    if (!tests::can_count_allocations()) GTEST_SKIP() << "does not apply: a sanitizer counts here";
    RateLimited limited;
    const std::string value(1000, 'x');
    const std::uint64_t before = tests::allocations_count();
    for (std::uint64_t i = 0; i < 1000; ++i) {
        debug("hidden", {{"value", value}, {"i", i}, {"literal", "text"}});
        limited.line(LogLevel::debug, i, "hidden", {{"value", value}});
    }
    const std::uint64_t after = tests::allocations_count();
    EXPECT_EQ(after, before);
    testing::internal::CaptureStderr();
    info("seen", {{"value", value}});
    (void)testing::internal::GetCapturedStderr();
    EXPECT_GT(tests::allocations_count(), after) << "the counter does not count";
}

TEST_F(Log, LinesOfThreadsDoNotInterleave) {
    configure(LogLevel::info, LogFormat::json);
    testing::internal::CaptureStderr();
    {
        std::vector<std::jthread> threads;
        threads.reserve(4);
        for (int thread = 0; thread < 4; ++thread) {
            threads.emplace_back([thread] {
                for (int i = 0; i < 50; ++i) info("concurrent", {{"thread", thread}, {"pad", std::string(200, 'x')}});
            });
        }
    }
    std::istringstream lines(testing::internal::GetCapturedStderr());
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) ASSERT_TRUE(nlohmann::json::accept(line)) << line;
    EXPECT_EQ(count, 200u);
}

TEST_F(Log, RateLimitTellsWhatItHeldBack) {
    RateLimited limited;
    constexpr std::uint64_t start_ns = 5'000'000'000;
    testing::internal::CaptureStderr();
    for (std::uint64_t i = 0; i < 10; ++i) limited.line(LogLevel::warn, start_ns + i, "flood");
    limited.line(LogLevel::warn, start_ns + RateLimited::interval_ns - 1, "flood");
    limited.line(LogLevel::warn, start_ns + RateLimited::interval_ns, "flood", {{"n", 1}});
    limited.line(LogLevel::warn, start_ns + 3 * RateLimited::interval_ns, "flood", {{"n", 2}});
    std::istringstream lines(testing::internal::GetCapturedStderr());
    std::string first, second, third, fourth;
    std::getline(lines, first) && std::getline(lines, second) && std::getline(lines, third);
    EXPECT_TRUE(first.ends_with("event=flood")) << first;
    EXPECT_TRUE(second.ends_with("event=flood n=1 suppressed=10")) << second;
    EXPECT_TRUE(third.ends_with("event=flood n=2")) << third;
    EXPECT_FALSE(std::getline(lines, fourth)) << fourth;
}

TEST_F(Log, RateLimitDoesNotCountDisabledLines) {
    RateLimited limited;
    testing::internal::CaptureStderr();
    limited.line(LogLevel::debug, 10, "hidden");
    limited.line(LogLevel::info, 10, "seen");
    EXPECT_TRUE(testing::internal::GetCapturedStderr().ends_with("event=seen\n"));
}

}  // namespace
}  // namespace sluice::log
