// Admission: verdicts with hysteresis, and what answers of Redis mean. Real servers are in
// tests/system/test_admission.py.
// runs: release asan tsan
#include <gtest/gtest.h>

#include <hiredis/hiredis.h>

#include <algorithm>

#include "engine/watch/bounds.hpp"
#include "engine/watch/probe.hpp"
#include "engine/watch/trend.hpp"

namespace sluice::tests {
namespace {

using watch::Bounds;
using watch::Figures;
using watch::PassedBound;

Figures figures(std::optional<std::uint64_t> length, std::optional<std::uint64_t> lag,
                std::optional<std::uint64_t> used = {}, std::optional<std::uint64_t> limit = {}) {
    return {.length_sum = length, .length_max = length, .group_lag_max = lag, .used_bytes = used, .limit_bytes = limit};
}

TEST(AdmissionBounds, CloseAtTheBoundAndOpenBelowNineTenthsOfIt) {
    Bounds bounds({.length_max = 1000});
    struct Step {
        std::uint64_t length;
        PassedBound passed;
    };
    for (const auto& [length, passed] : {Step{999, PassedBound::none},
                                         {1000, PassedBound::stream_full},
                                         {999, PassedBound::stream_full},
                                         {900, PassedBound::stream_full},
                                         {899, PassedBound::none},
                                         {950, PassedBound::none},
                                         {1000, PassedBound::stream_full},
                                         {0, PassedBound::none}})
        EXPECT_EQ(bounds.judge(figures(length, {})), passed) << length;
}

TEST(AdmissionBounds, MemoryIsAPercentageOfWhatRedisMayUse) {
    Bounds bounds({.memory_percent_max = 90});
    EXPECT_EQ(bounds.judge(figures({}, {}, 899, 1000)), PassedBound::none);
    EXPECT_EQ(bounds.judge(figures({}, {}, 900, 1000)), PassedBound::redis_memory);
    EXPECT_EQ(bounds.judge(figures({}, {}, 810, 1000)), PassedBound::redis_memory);
    EXPECT_EQ(bounds.judge(figures({}, {}, 809, 1000)), PassedBound::none);
    EXPECT_EQ(bounds.judge(figures({}, {}, 1'000'000, 0)), PassedBound::none) << "no maxmemory, no bound";
    EXPECT_EQ(bounds.judge(figures({}, {}, 1'000'000, {})), PassedBound::none);
}

TEST(AdmissionBounds, WithoutABoundOrAFigureNobodyIsRefused) {
    Bounds none({});
    EXPECT_EQ(none.judge(figures(1'000'000, 1'000'000, 1'000, 1'000)), PassedBound::none);
    Bounds bounds({.length_max = 10, .group_lag_max = 10, .memory_percent_max = 90});
    EXPECT_EQ(bounds.judge(figures(10, 10, 100, 100)), PassedBound::redis_memory) << "the gravest reason first";
    EXPECT_EQ(bounds.judge(figures(10, 10, 0, 100)), PassedBound::stream_full);
    EXPECT_EQ(bounds.judge(figures(0, 10, 0, 100)), PassedBound::consumers_behind);
    Bounds fresh({.length_max = 10, .group_lag_max = 10, .memory_percent_max = 90});
    EXPECT_EQ(fresh.judge(figures({}, {})), PassedBound::none);
    EXPECT_EQ(fresh.judge(figures(9, 9)), PassedBound::none);
}

TEST(AdmissionBounds, StayClosedWhileRedisIsSilentForAFewLooks) {
    Bounds bounds({.length_max = 10, .memory_percent_max = 90});
    ASSERT_EQ(bounds.judge(figures(1, {}, 95, 100)), PassedBound::redis_memory);
    for (std::uint32_t look = 0; look < Bounds::unknown_observations_max; ++look) {
        EXPECT_EQ(bounds.judge({}), PassedBound::redis_memory) << look;
        EXPECT_FALSE(bounds.has_lapsed());
    }
    EXPECT_EQ(bounds.judge({}), PassedBound::none) << "a server that is gone holds up nobody";
    EXPECT_TRUE(bounds.has_lapsed());
    EXPECT_EQ(bounds.judge({}), PassedBound::none);
    EXPECT_FALSE(bounds.has_lapsed()) << "told once";

    ASSERT_EQ(bounds.judge(figures(10, {}, 0, 100)), PassedBound::stream_full);
    EXPECT_EQ(bounds.judge({}), PassedBound::stream_full);
    EXPECT_EQ(bounds.judge(figures(9, {}, 0, 100)), PassedBound::stream_full)
        << "the silence changes nothing of the hysteresis";
    for (std::uint32_t look = 0; look < Bounds::unknown_observations_max; ++look)
        EXPECT_EQ(bounds.judge({}), PassedBound::stream_full) << "each silence is counted from its beginning";
    EXPECT_EQ(bounds.judge(figures(8, {}, 0, 100)), PassedBound::none);
    EXPECT_FALSE(bounds.has_lapsed()) << "it was seen to have fallen";
}

TEST(AdmissionTrend, ForeseesWhenAFigureHasFallen) {
    constexpr std::uint64_t s = 1'000'000'000;
    watch::Trend trend;
    trend.observe(1000 * s, 1000);
    EXPECT_EQ(trend.s_until(900), std::nullopt) << "one look shows no movement";
    EXPECT_EQ(trend.s_until(1000), 0.0);
    for (std::uint64_t i = 1; i <= 60; ++i) trend.observe((1000 + i) * s, 1000 - 10 * i);
    EXPECT_NEAR(*trend.s_until(300), 10, 0.1);
    for (std::uint64_t i = 1; i <= 60; ++i) trend.observe((1060 + i) * s, 400 + i);
    EXPECT_EQ(trend.s_until(300), std::nullopt) << "it rises";
}

TEST(AdmissionBounds, TellWhatWasCompared) {
    const Bounds bounds({.length_max = 10, .group_lag_max = 20, .memory_percent_max = 90});
    const Figures seen = figures(11, 22, 950, 1000);
    EXPECT_EQ(bounds.comparison(PassedBound::stream_full, seen).value, 11u);
    EXPECT_EQ(bounds.comparison(PassedBound::consumers_behind, seen).bound, 20u);
    EXPECT_EQ(bounds.comparison(PassedBound::redis_memory, seen).bound, 900u);
    EXPECT_EQ(bounds.comparison(PassedBound::redis_memory, seen).reopens_below(), 810u);
    EXPECT_EQ(bounds.comparison(PassedBound::stream_full, seen).reopens_below(), 9u);
}

// The replies that `resp` holds.
std::vector<sinks::redis::Reply> replies_of(const std::string& resp, std::size_t count) {
    redisReader* reader = redisReaderCreate();
    redisReaderFeed(reader, resp.data(), resp.size());
    std::vector<sinks::redis::Reply> replies;
    for (std::size_t i = 0; i < count; ++i) {
        void* reply = nullptr;
        EXPECT_EQ(redisReaderGetReply(reader, &reply), REDIS_OK);
        replies.emplace_back(static_cast<redisReply*>(reply));
        EXPECT_NE(reply, nullptr);
    }
    redisReaderFree(reader);
    return replies;
}

std::string bulk(const std::string& text) { return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n"; }

std::string group(const std::string& lag) { return "*4\r\n" + bulk("name") + bulk("g") + bulk("lag") + lag; }

const std::string memory = bulk(
    "# Memory\r\nused_memory:1000\r\nused_memory_human:1K\r\nmaxmemory:4000\r\n"
    "maxmemory_human:4K\r\nmaxmemory_policy:noeviction\r\nmem_not_counted_for_evict:100\r\n");
const std::string no_key = "-ERR no such key\r\n";

// What opens admission again when a group that fell behind is removed.
TEST(AdmissionQuestions, WhereThereIsNoGroupNobodyIsBehind) {
    const watch::Subject bounded{.keys = {"t"}, .is_list = false, .has_lag_bound = true};
    EXPECT_EQ(figures_from(bounded, replies_of(":7\r\n*0\r\n" + memory, 3)).figures.group_lag_max, 0u);
    EXPECT_EQ(figures_from(bounded, replies_of(":0\r\n" + no_key + memory, 3)).figures.group_lag_max, 0u);
    EXPECT_EQ(figures_from(bounded, replies_of(":7\r\n-ERR other\r\n" + memory, 3)).figures.group_lag_max,
              std::nullopt);
    EXPECT_EQ(figures_from(bounded, replies_of(":7\r\n*1\r\n" + group("$-1\r\n") + memory, 3)).figures.group_lag_max,
              std::nullopt);
    const watch::Subject unbounded{.keys = {"t"}};
    EXPECT_EQ(figures_from(unbounded, replies_of(":7\r\n*0\r\n" + memory, 3)).figures.group_lag_max, std::nullopt);
}

TEST(AdmissionQuestions, FiguresOfTwoPartitions) {
    const watch::Subject subject{{"t:{0}", "t:{1}"}, false};
    EXPECT_EQ(figure_commands(subject).size(), 6u);
    const std::string resp = ":7\r\n*2\r\n" + group(":3\r\n") + group(":5\r\n") + ":0\r\n" + no_key + memory;
    const auto findings = figures_from(subject, replies_of(resp, 5));
    EXPECT_EQ(findings.error, "");
    EXPECT_EQ(findings.figures.length_sum, 7u);
    EXPECT_EQ(findings.figures.length_max, 7u);
    EXPECT_EQ(findings.figures.group_lag_max, 5u);
    EXPECT_EQ(findings.figures.used_bytes, 900u);
    EXPECT_EQ(findings.figures.limit_bytes, 4000u);
}

TEST(AdmissionQuestions, ALagThatIsNilOrMissingIsNotKnown) {
    const watch::Subject subject{{"t"}, false};
    const std::string old_group = "*2\r\n" + bulk("name") + bulk("g");
    auto findings = figures_from(subject, replies_of(":7\r\n*2\r\n" + group("$-1\r\n") + old_group + memory, 3));
    EXPECT_EQ(findings.figures.group_lag_max, std::nullopt);
    EXPECT_EQ(findings.error, "");
    findings = figures_from(subject, replies_of(":7\r\n*2\r\n" + group("$-1\r\n") + group(":2\r\n") + memory, 3));
    EXPECT_EQ(findings.figures.group_lag_max, 2u);
    EXPECT_EQ(findings.error, "") << "nobody wants to know";
}

TEST(AdmissionQuestions, ALagThatIsNotKnownIsToldWhereItHasABound) {
    const watch::Subject subject{.keys = {"t:{0}", "t:{1}"}, .has_lag_bound = true};
    const std::string resp = ":7\r\n*1\r\n" + group(":3\r\n") + ":7\r\n*1\r\n" + group("$-1\r\n") + memory;
    const auto findings = figures_from(subject, replies_of(resp, 5));
    EXPECT_EQ(findings.figures.group_lag_max, 3u);
    EXPECT_EQ(findings.error,
              "Redis does not know the lag of a group of t:{1}, so admission.group_lag_max does not count it");
}

TEST(AdmissionQuestions, ErrorsLeaveTheOtherFigures) {
    const watch::Subject subject{{"a", "b"}, false};
    const std::string refused = "-NOPERM no.\r\n";
    const auto findings = figures_from(subject, replies_of(":7\r\n" + no_key + refused + refused + refused, 5));
    EXPECT_EQ(findings.error, "Redis refuses XLEN: NOPERM no; XINFO GROUPS: NOPERM no; INFO memory: NOPERM no");
    EXPECT_EQ(findings.figures.length_sum, std::nullopt) << "a part of a sum is no sum";
    EXPECT_EQ(findings.figures.length_max, 7u);
    EXPECT_EQ(findings.figures.used_bytes, std::nullopt);
    EXPECT_EQ(findings.figures.limit_bytes, std::nullopt);
}

TEST(AdmissionQuestions, AListHasALengthAndNoGroups) {
    const watch::Subject subject{{"queue"}, true};
    EXPECT_EQ(figure_commands(subject)[0], (sinks::redis::Command{"LLEN", "queue"}));
    EXPECT_EQ(figures_from(subject, replies_of(":9\r\n" + memory, 2)).figures.length_sum, 9u);
}

std::vector<std::string> events_of(const watch::RedisSetup& setup, bool has_length_bound = true) {
    std::vector<std::string> events;
    for (const watch::Remark& remark : remarks_on(setup, has_length_bound))
        events.push_back((remark.is_warning ? "warn " : "info ") + remark.event);
    return events;
}

TEST(AdmissionSetup, RemarksOnWhatCanLoseSamples) {
    using Events = std::vector<std::string>;
    EXPECT_EQ(events_of({"noeviction", "yes", "always", false}), Events{});
    EXPECT_EQ(events_of({"noeviction", "yes", "everysec", true}), Events{"info redis_fsync"});
    EXPECT_EQ(events_of({"noeviction", "no", "everysec", true}), Events{"info redis_not_persistent"});
    EXPECT_EQ(events_of({"allkeys-lru", "no", "everysec", false}),
              (Events{"warn redis_evicts", "warn redis_not_persistent"}));
    EXPECT_EQ(events_of({"volatile-ttl", "yes", "", {}}), Events{"info redis_evicts"})
        << "streams do not expire by themselves";
    EXPECT_EQ(events_of({"noeviction", "no", "", {}}), Events{"info redis_not_persistent"});
    EXPECT_EQ(events_of({}), Events{"info redis_setup_unknown"}) << "nor is INFO allowed";
    EXPECT_EQ(events_of({"noeviction", "yes", "always", false, 0}), Events{"info redis_unbounded"});
    EXPECT_EQ(events_of({"noeviction", "yes", "always", false, 0}, false), Events{"warn redis_unbounded"});
    EXPECT_EQ(events_of({"noeviction", "yes", "always", false, 1 << 30}, false), Events{}) << "memory is a bound";
    EXPECT_EQ(events_of({"noeviction", "yes", "always", false, 1 << 30}), Events{});
}

TEST(AdmissionSetup, TheCommandThatMendsItNamesTheUser) {
    EXPECT_EQ(watch::remarks_on({}, true)[0].change, "ACL SETUSER default +info +config|get");
    EXPECT_EQ(watch::remarks_on({}, true, "ingest")[0].change, "ACL SETUSER ingest +info +config|get");
}

TEST(AdmissionSetup, APasswordThatIsMissingIsWhatMendsIt) {
    const std::string refused = "-NOAUTH Authentication required.\r\n";
    const auto setup = watch::setup_from(replies_of(refused + refused + refused + refused, 4));
    EXPECT_EQ(events_of(setup), std::vector<std::string>{"warn redis_setup_unknown"});
    const std::vector<watch::Remark> remarks = remarks_on(setup, false);
    EXPECT_EQ(remarks[0].reason, "Redis wants a password, and none is set");
    EXPECT_EQ(remarks[0].change, "sink.redis.password_file, or the variable SLUICE_SINK_REDIS_PASSWORD");
}

// A log line shows other bytes as escapes, which cannot be copied.
TEST(AdmissionSetup, WhatIsToBeCopiedIsAscii) {
    std::vector<watch::RedisSetup> setups(2);
    setups[1].wants_password = true;
    for (const char* const eviction : {"noeviction", "allkeys-lru", "volatile-ttl"})
        for (const char* const appendonly : {"yes", "no"})
            for (const char* const appendfsync : {"always", "everysec", "no"})
                setups.push_back({eviction, appendonly, appendfsync, false, 0});
    for (const watch::RedisSetup& setup : setups) {
        for (const watch::Remark& remark : remarks_on(setup, false)) {
            const auto is_printable = [](char c) { return c >= ' ' && c <= '~'; };
            EXPECT_TRUE(std::ranges::all_of(remark.reason + remark.change, is_printable)) << remark.change;
        }
    }
}

TEST(AdmissionSetup, IsReadFromInfoWhereConfigGetIsRefused) {
    const std::string refused = "-NOPERM no\r\n";
    const std::string persistence = bulk("# Persistence\r\nloading:0\r\naof_enabled:1\r\n");
    auto setup = watch::setup_from(replies_of(memory + persistence + refused + refused, 4));
    EXPECT_EQ(setup.eviction_policy, "noeviction");
    EXPECT_EQ(setup.limit_bytes, 4000u);
    EXPECT_EQ(setup.appendonly, "yes");
    EXPECT_EQ(setup.appendfsync, "");
    EXPECT_EQ(setup.has_snapshots, std::nullopt);
    setup = watch::setup_from(replies_of(
        memory + persistence + "*2\r\n" + bulk("appendfsync") + bulk("everysec") + "*2\r\n" + bulk("save") + bulk(""),
        4));
    EXPECT_EQ(setup.appendfsync, "everysec");
    EXPECT_EQ(setup.has_snapshots, false);
}

}  // namespace
}  // namespace sluice::tests
