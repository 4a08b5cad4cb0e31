// Which samples a tenant may bring.
// runs: release asan
#include "engine/tenants/sample_policy.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sluice::tenants {
namespace {

constexpr std::int64_t now_ns = 1'700'000'000'000'000'000;

Sample sample(std::string_view type, std::string_view value = "1") {
    Sample made;
    made.device_id = "d";
    made.type = type;
    made.value = value;
    made.value_kind = ValueKind::number;
    made.timestamp_ns = now_ns;
    return made;
}

TEST(SamplePolicyTest, GlobsMatch) {
    struct Row {
        std::string_view pattern, text;
        bool is_match;
    };
    for (const Row& row : {Row{"humidity_*", "humidity_1", true},
                           {"humidity_*", "humidity_", true},
                           {"humidity_*", "humidity", false},
                           {"*", "", true},
                           {"", "", true},
                           {"", "a", false},
                           {"*_t", "a_t_t", true},
                           {"a*b*c", "a1b2bc", true},
                           {"a*b*c", "a1b2", false},
                           {"a?", "ab", false},
                           {"[a]", "a", false}})
        EXPECT_EQ(matches_glob(row.pattern, row.text), row.is_match) << row.pattern << " " << row.text;
    // Bounded: a pattern of stars against a long text.
    EXPECT_FALSE(matches_glob(std::string(60, '*') + "b", std::string(128, 'a')));
}

TEST(SamplePolicyTest, TypesAreAllowedAndDenied) {
    SamplePolicy policy{.allow_types = {"temperature", "humidity_*"}, .deny_types = {"humidity_raw*"}};
    EXPECT_EQ(policy.check(sample("temperature"), now_ns), std::nullopt);
    EXPECT_EQ(policy.check(sample("humidity_2"), now_ns), std::nullopt);
    EXPECT_EQ(policy.check(sample("humidity_raw2"), now_ns), Refusal::type_not_allowed);
    EXPECT_EQ(policy.check(sample("pressure"), now_ns), Refusal::type_not_allowed);
    EXPECT_EQ(policy.check(sample(""), now_ns), Refusal::type_not_allowed);
    policy.allow_types.clear();
    EXPECT_EQ(policy.check(sample(""), now_ns), std::nullopt);
}

TEST(SamplePolicyTest, MembersAreRequired) {
    const SamplePolicy policy{.required = {"unit", "site"}};
    Sample made = sample("t");
    EXPECT_EQ(policy.check(made, now_ns), Refusal::missing_member);
    made.unit = "C";
    const Member site{"site", "x"};
    made.others = {&site, 1};
    EXPECT_EQ(policy.check(made, now_ns), std::nullopt);
}

TEST(SamplePolicyTest, NumbersHaveRanges) {
    SamplePolicy policy;
    policy.value_ranges["t"] = {-90, 150};
    for (const std::string_view good : {"-90", "150", "1.5e2", "0"})
        EXPECT_EQ(policy.check(sample("t", good), now_ns), std::nullopt) << good;
    for (const std::string_view bad : {"-90.1", "151", "1e400"})
        EXPECT_EQ(policy.check(sample("t", bad), now_ns), Refusal::value_out_of_range) << bad;
    EXPECT_EQ(policy.check(sample("u", "151"), now_ns), std::nullopt);
    Sample text = sample("t", "151");
    text.value_kind = ValueKind::string;
    EXPECT_EQ(policy.check(text, now_ns), std::nullopt);
    struct Row {
        std::string_view values;
        bool is_good;
    };
    for (const Row& row : {Row{R"({"t":1})", true},
                           {R"({"t":151})", false},
                           {R"({ "a" : "t\":151" , "t" : 151 })", false},
                           {R"({"a":true,"b":"x","t":-91.0})", false},
                           {R"({"u":1000,"t":"1000"})", true},
                           {R"({"u\\":1000,"t":1000})", false}}) {
        Sample made = sample("");
        made.values = row.values;
        EXPECT_EQ(policy.check(made, now_ns).has_value(), !row.is_good) << row.values;
    }
}

TEST(SamplePolicyTest, TimesHaveAWindow) {
    const SamplePolicy policy{.past_ns_max = 1000, .future_ns_max = 10};
    const auto at = [&](std::int64_t offset_ns) {
        Sample made = sample("t");
        made.timestamp_ns += offset_ns;
        return policy.check(made, now_ns);
    };
    EXPECT_EQ(at(-1000), std::nullopt);
    EXPECT_EQ(at(-1001), Refusal::timestamp_too_old);
    EXPECT_EQ(at(10), std::nullopt);
    EXPECT_EQ(at(11), Refusal::timestamp_too_new);
}

}  // namespace
}  // namespace sluice::tenants
