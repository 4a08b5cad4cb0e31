// Admission: verdicts with hysteresis, and what answers of Redis mean. Real servers are in tests/system/test_admission.py.
#include <gtest/gtest.h>

#include <hiredis/hiredis.h>

#include "engine/admission/bounds.hpp"
#include "engine/admission/questions.hpp"

namespace sluice::tests {
namespace {

using admission::Bounds;
using admission::Figures;
using admission::Verdict;

Figures figures(std::optional<std::uint64_t> length, std::optional<std::uint64_t> lag, std::optional<std::uint64_t> used = {},
                std::optional<std::uint64_t> limit = {}) {
    return {.length_sum = length, .length_max = length, .group_lag_max = lag, .used_bytes = used, .limit_bytes = limit};
}

TEST(AdmissionBounds, CloseAtTheBoundAndOpenBelowNineTenthsOfIt) {
    Bounds bounds({.length_max = 1000});
    struct Step {
        std::uint64_t length;
        Verdict verdict;
    };
    for (const auto& [length, verdict] :
         {Step{999, Verdict::admit}, {1000, Verdict::stream_full}, {999, Verdict::stream_full}, {900, Verdict::stream_full},
          {899, Verdict::admit}, {950, Verdict::admit}, {1000, Verdict::stream_full}, {0, Verdict::admit}})
        EXPECT_EQ(bounds.judge(figures(length, {})), verdict) << length;
}

TEST(AdmissionBounds, MemoryIsAPercentageOfWhatRedisMayUse) {
    Bounds bounds({.memory_percent_max = 90});
    EXPECT_EQ(bounds.judge(figures({}, {}, 899, 1000)), Verdict::admit);
    EXPECT_EQ(bounds.judge(figures({}, {}, 900, 1000)), Verdict::redis_memory);
    EXPECT_EQ(bounds.judge(figures({}, {}, 810, 1000)), Verdict::redis_memory);
    EXPECT_EQ(bounds.judge(figures({}, {}, 809, 1000)), Verdict::admit);
    EXPECT_EQ(bounds.judge(figures({}, {}, 1'000'000, 0)), Verdict::admit) << "no maxmemory, no bound";
    EXPECT_EQ(bounds.judge(figures({}, {}, 1'000'000, {})), Verdict::admit);
}

TEST(AdmissionBounds, WithoutABoundOrAFigureNobodyIsRefused) {
    Bounds none({});
    EXPECT_EQ(none.judge(figures(1'000'000, 1'000'000, 1'000, 1'000)), Verdict::admit);
    Bounds bounds({.length_max = 10, .group_lag_max = 10, .memory_percent_max = 90});
    EXPECT_EQ(bounds.judge(figures(10, 10, 100, 100)), Verdict::redis_memory) << "the gravest reason first";
    EXPECT_EQ(bounds.judge(figures(10, 10)), Verdict::stream_full);
    EXPECT_EQ(bounds.judge(figures({}, 10)), Verdict::consumers_behind);
    EXPECT_EQ(bounds.judge(figures({}, {})), Verdict::admit);
    EXPECT_EQ(bounds.judge(figures(9, 9)), Verdict::admit) << "what was not known does not count as over";
}

TEST(AdmissionBounds, TellWhatWasCompared) {
    const Bounds bounds({.length_max = 10, .group_lag_max = 20, .memory_percent_max = 90});
    const Figures seen = figures(11, 22, 950, 1000);
    EXPECT_EQ(bounds.comparison(Verdict::stream_full, seen).value, 11u);
    EXPECT_EQ(bounds.comparison(Verdict::consumers_behind, seen).bound, 20u);
    EXPECT_EQ(bounds.comparison(Verdict::redis_memory, seen).bound, 900u);
}

// The replies that `resp` holds.
std::vector<admission::Reply> replies_of(const std::string& resp, std::size_t count) {
    redisReader* reader = redisReaderCreate();
    redisReaderFeed(reader, resp.data(), resp.size());
    std::vector<admission::Reply> replies;
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

std::string group(const std::string& lag) {
    return "*4\r\n" + bulk("name") + bulk("g") + bulk("lag") + lag;
}

const std::string memory = bulk("# Memory\r\nused_memory:1000\r\nused_memory_human:1K\r\nmaxmemory:4000\r\n"
                                "maxmemory_human:4K\r\nmaxmemory_policy:noeviction\r\nmem_not_counted_for_evict:100\r\n");
const std::string no_key = "-ERR no such key\r\n";

TEST(AdmissionQuestions, FiguresOfTwoPartitions) {
    const admission::Subject subject{{"t:{0}", "t:{1}"}, false};
    EXPECT_EQ(figure_questions(subject).size(), 5u);
    const std::string resp = ":7\r\n*2\r\n" + group(":3\r\n") + group(":5\r\n") + ":0\r\n" + no_key + memory;
    const auto findings = figures_from(subject, replies_of(resp, 5));
    EXPECT_EQ(findings.trouble, "");
    EXPECT_EQ(findings.figures.length_sum, 7u);
    EXPECT_EQ(findings.figures.length_max, 7u);
    EXPECT_EQ(findings.figures.group_lag_max, 5u);
    EXPECT_EQ(findings.figures.used_bytes, 900u);
    EXPECT_EQ(findings.figures.limit_bytes, 4000u);
}

TEST(AdmissionQuestions, ALagThatIsNilOrMissingIsNotKnown) {
    const admission::Subject subject{{"t"}, false};
    const std::string old_group = "*2\r\n" + bulk("name") + bulk("g");
    auto findings = figures_from(subject, replies_of(":7\r\n*2\r\n" + group("$-1\r\n") + old_group + memory, 3));
    EXPECT_EQ(findings.figures.group_lag_max, std::nullopt);
    EXPECT_EQ(findings.trouble, "");
    findings = figures_from(subject, replies_of(":7\r\n*2\r\n" + group("$-1\r\n") + group(":2\r\n") + memory, 3));
    EXPECT_EQ(findings.figures.group_lag_max, 2u);
}

TEST(AdmissionQuestions, ErrorsLeaveTheOtherFigures) {
    const admission::Subject subject{{"a", "b"}, false};
    const std::string refused = "-NOPERM no\r\n";
    const auto findings = figures_from(subject, replies_of(":7\r\n" + no_key + refused + refused + refused, 5));
    EXPECT_EQ(findings.trouble, "Redis refuses XLEN or LLEN: NOPERM no");
    EXPECT_EQ(findings.figures.length_sum, std::nullopt) << "a part of a sum is no sum";
    EXPECT_EQ(findings.figures.length_max, 7u);
    EXPECT_EQ(findings.figures.used_bytes, std::nullopt);
    EXPECT_EQ(findings.figures.limit_bytes, std::nullopt);
}

TEST(AdmissionQuestions, AListHasALengthAndNoGroups) {
    const admission::Subject subject{{"queue"}, true};
    EXPECT_EQ(figure_questions(subject)[0], (admission::Command{"LLEN", "queue"}));
    EXPECT_EQ(figures_from(subject, replies_of(":9\r\n" + memory, 2)).figures.length_sum, 9u);
}

std::vector<std::string> events_of(const admission::RedisSetup& setup) {
    std::vector<std::string> events;
    for (const admission::Remark& remark : remarks_on(setup))
        events.push_back((remark.is_warning ? "warn " : "info ") + remark.event);
    return events;
}

TEST(AdmissionSetup, RemarksOnWhatCanLoseSamples) {
    using Events = std::vector<std::string>;
    EXPECT_EQ(events_of({"noeviction", "yes", "always", false}), Events{});
    EXPECT_EQ(events_of({"noeviction", "yes", "everysec", true}), Events{"info redis_fsync"});
    EXPECT_EQ(events_of({"noeviction", "no", "everysec", true}), Events{"info redis_not_persistent"});
    EXPECT_EQ(events_of({"allkeys-lru", "no", "everysec", false}), (Events{"warn redis_evicts", "warn redis_not_persistent"}));
    EXPECT_EQ(events_of({"volatile-ttl", "yes", "", {}}), Events{"warn redis_evicts"}) << "CONFIG GET is not allowed";
    EXPECT_EQ(events_of({"noeviction", "no", "", {}}), Events{"info redis_not_persistent"});
    EXPECT_EQ(events_of({}), Events{}) << "nor is INFO";
}

TEST(AdmissionSetup, IsReadFromInfoWhereConfigGetIsRefused) {
    const std::string refused = "-NOPERM no\r\n";
    const std::string persistence = bulk("# Persistence\r\nloading:0\r\naof_enabled:1\r\n");
    auto setup = admission::setup_from(replies_of(memory + persistence + refused + refused, 4));
    EXPECT_EQ(setup.eviction_policy, "noeviction");
    EXPECT_EQ(setup.appendonly, "yes");
    EXPECT_EQ(setup.appendfsync, "");
    EXPECT_EQ(setup.has_snapshots, std::nullopt);
    setup = admission::setup_from(replies_of(memory + persistence + "*2\r\n" + bulk("appendfsync") + bulk("everysec") + "*2\r\n" +
                                                 bulk("save") + bulk(""),
                                             4));
    EXPECT_EQ(setup.appendfsync, "everysec");
    EXPECT_EQ(setup.has_snapshots, false);
}

}  // namespace
}  // namespace sluice::tests
