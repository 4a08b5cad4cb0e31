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
    const std::string tiny = "0." + std::string(400, '0') + "1";
    for (const std::string_view good :
         {"-90", "150", "1.5e2", "0", "1e-400", "-1E-400", "1e-99999999999", tiny.c_str()})
        EXPECT_EQ(policy.check(sample("t", good), now_ns), std::nullopt) << good;
    const std::string huge = std::string(400, '9') + "e-1";
    for (const std::string_view bad : {"-90.1", "151", "1e400", "1e99999999999", "NaN", "true", huge.c_str()})
        EXPECT_EQ(policy.check(sample("t", bad), now_ns), Refusal::value_out_of_range) << bad;
    EXPECT_EQ(policy.check(sample("u", "151"), now_ns), std::nullopt);
    policy.value_ranges["far"] = {1, 2};
    EXPECT_EQ(policy.check(sample("far", "1e-400"), now_ns), Refusal::value_out_of_range);
    for (const std::string_view value : {"151", "1", "Infinity", "NaN"}) {
        Sample text = sample("t", value);
        text.value_kind = ValueKind::string;
        EXPECT_EQ(policy.check(text, now_ns), Refusal::value_out_of_range) << value;
        text.type = "u";
        EXPECT_EQ(policy.check(text, now_ns), std::nullopt);
    }
    Sample stale = sample("t", "NaN");
    stale.value_kind = ValueKind::string;
    const Member is_stale{"stale", "true", true};
    stale.others = {&is_stale, 1};
    EXPECT_EQ(policy.check(stale, now_ns), std::nullopt);
    Sample flag = sample("t", "true");
    flag.value_kind = ValueKind::boolean;
    EXPECT_EQ(policy.check(flag, now_ns), Refusal::value_out_of_range);
    struct Row {
        std::string_view values;
        bool is_good;
    };
    for (const Row& row : {Row{R"({"t":1})", true},
                           {R"({"t":151})", false},
                           {R"({ "a" : "t\":151" , "t" : 151 })", false},
                           {R"({"a":true,"b":"x","t":-91.0})", false},
                           {R"({"u":1000,"t":"1000"})", false},
                           {R"({"u":1000,"t":"1"})", false},
                           {R"({"u":"t","t":true})", false},
                           {R"({"\u0074":151})", false},
                           {R"({"\u0074":1})", true},
                           {R"({"a":1,"gr\u00fc\u00DFe \ud83d\ude00\n":8})", false},
                           {R"({"grüße \uD83D\uDE00\n":7 , "b":2 })", true},
                           {R"({"t":1e-400})", true},
                           {R"({"t":1 })", true},
                           {R"({"value":151})", false},
                           {R"({"value":150,"u":999})", true},
                           {R"({"u\\":1000,"t":1000})", false}}) {
        policy.value_ranges["grüße 😀\n"] = {0, 7};
        Sample made = sample("t");
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
