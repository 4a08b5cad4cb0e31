// Value lists of collectd: what one becomes, what is refused and why, and bodies that are no array of them.
// runs: release asan
#include "parsers/collectd/collectd_decoder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/decoding.hpp"

namespace sluice {
namespace {

using tests::Decoded;

constexpr std::int64_t arrival_ns = 1'700'000'123'456'789'012;

Decoded decode(std::string_view body) {
    const tests::GuardedBody guarded(body, '}');
    static parsers::CollectdDecoder decoder;
    return tests::decode_with(decoder, guarded.view(), 0, {parsers::Precision::s, arrival_ns});
}

// Each canonical record is the same sample to JsonDecoder.
std::string records_of(const Decoded& decoded) {
    std::string text;
    for (const auto& one : decoded.samples) {
        const Decoded again = tests::decode(one.raw, parsers::BodyFormat::json, {parsers::Precision::ns, 5});
        EXPECT_EQ(again.samples.size(), 1u) << one.raw;
        if (again.samples.size() == 1) {
            EXPECT_TRUE(tests::is_same_sample(again.samples[0], one)) << one.raw << "\n" << again.samples[0].raw;
        }
        text += one.raw + "\n";
    }
    return text;
}

// `members` stand in place of those of their names.
std::string value_list(std::string_view members, std::string_view left_out = {}) {
    std::string text = "{" + std::string(members);
    for (const auto& [name, value] :
         std::vector<std::pair<std::string_view, std::string_view>>{{"values", "[27.5]"},
                                                                    {"dstypes", R"(["gauge"])"},
                                                                    {"dsnames", R"(["value"])"},
                                                                    {"time", "1700000000.125"},
                                                                    {"interval", "10.000"},
                                                                    {"host", R"("h")"},
                                                                    {"plugin", R"("cpu")"},
                                                                    {"plugin_instance", R"("0")"},
                                                                    {"type", R"("percent")"},
                                                                    {"type_instance", R"("idle")"}}) {
        const std::string begin = "\"" + std::string(name) + "\":";
        if (name == left_out || members.find(begin) != std::string_view::npos) continue;
        text += (text.size() == 1 ? "" : ",") + begin + std::string(value);
    }
    return text + "}";
}

std::string one_of(std::string_view member, std::string_view left_out = {}) {
    return records_of(decode("[" + value_list(member, left_out) + "]"));
}

TEST(CollectdDecoder, WhatAValueListBecomes) {
    EXPECT_EQ(one_of(""),
              R"({"device_id":"h","type":"cpu-0/percent-idle","value":27.5,"timestamp":1700000000125000000,)"
              R"("metadata":{"plugin":"cpu","plugin_instance":"0","type":"percent","type_instance":"idle",)"
              R"("interval":10.000,"dstypes":["gauge"]}})"
              "\n");
    EXPECT_EQ(records_of(decode(
                  R"( [ {"host":"h\u00e9","plugin":"disk","type":"disk_ops","values":[ 18446744073709551615 ,null],
                 "dsnames":["re\"ad","write"],"meta":{"a":[{}]},"plugin_instance":"","type_instance":""} ] )")),
              "{\"device_id\":\"h\u00e9\",\"type\":\"disk/disk_ops\","
              R"("values":{"re\"ad":18446744073709551615,"write":"NaN"},"timestamp":1700000123456789012,)"
              R"("metadata":{"plugin":"disk","type":"disk_ops"}})"
              "\n");
}

TEST(CollectdDecoder, NotANumberIsAString) {
    EXPECT_NE(one_of(R"("values":[null])").find(R"("value":"NaN",)"), std::string::npos);
    const Decoded decoded = decode("[" + value_list(R"("values":[null])") + "]");
    ASSERT_EQ(decoded.samples.size(), 1u);
    EXPECT_EQ(decoded.samples[0].value_kind, ValueKind::string);
}

TEST(CollectdDecoder, OneValueOfAnotherNameIsAnObject) {
    EXPECT_NE(one_of(R"("dsnames":["shortterm"])").find(R"("values":{"shortterm":27.5})"), std::string::npos);
}

// The metadata has the instances.
TEST(CollectdDecoder, ALongNameLeavesTheInstancesOut) {
    const std::string name(120, 'x');
    const std::string record = one_of("\"type_instance\":\"" + name + "\"");
    EXPECT_NE(record.find(R"("type":"cpu/percent",)"), std::string::npos) << record;
    EXPECT_NE(record.find(R"("type_instance":")" + name + '"'), std::string::npos) << record;
}

struct Refused {
    std::string member;
    Refusal refusal;
    std::string left_out{};
};

std::string numbers(std::size_t count) {
    std::string text = "[0";
    for (std::size_t i = 1; i < count; ++i) text += ",0";
    return text + "]";
}

std::vector<Refused> refused_cases() {
    return {
        {"", Refusal::missing_device_id, "host"},
        {R"("host":"")", Refusal::missing_device_id},
        {R"("host":7)", Refusal::bad_value_list},
        {R"("host":null)", Refusal::bad_value_list},
        {R"("host":"a\u0000b")", Refusal::bad_device_id},
        {"\"host\":\"" + std::string(129, 'h') + "\"", Refusal::bad_device_id},
        {"\"host\":\"\xff\"", Refusal::bad_value_list},
        {"\"host\":\"a\nb\"", Refusal::bad_value_list},
        {R"("host":"\ud800")", Refusal::bad_value_list},
        {R"("host":"a","host":"b")", Refusal::duplicate_member},
        {R"("h\u006fst":"a","host":"b")", Refusal::duplicate_member},
        {R"("values":[1],"values":[1])", Refusal::duplicate_member},
        {R"("time":1,"time":1)", Refusal::duplicate_member},
        {R"("dsnames":["a","a"],"values":[1,2],"dstypes":[])", Refusal::duplicate_member},
        {"", Refusal::bad_value_list, "plugin"},
        {"", Refusal::bad_value_list, "type"},
        {"", Refusal::bad_value_list, "values"},
        {"", Refusal::bad_value_list, "dsnames"},
        {"\"plugin\":\"" + std::string(129, 'p') + "\"", Refusal::bad_type},
        {R"("plugin":"a\u0007")", Refusal::bad_type},
        {R"("values":[])", Refusal::bad_value_list},
        {R"("values":[1,2])", Refusal::bad_value_list},
        {R"("values":["1"])", Refusal::bad_value_list},
        {R"("values":[true])", Refusal::bad_value_list},
        {R"("values":[[1]])", Refusal::bad_value_list},
        {R"("values":[nan])", Refusal::bad_value_list},
        {R"("values":[1e999])", Refusal::number_out_of_range},
        {R"("values":[18446744073709551616])", Refusal::number_out_of_range},
        {R"("values":{"value":1})", Refusal::bad_value_list},
        {"\"values\":" + numbers(limits::values_count_max + 1), Refusal::too_many_values},
        {R"("dstypes":["gauge","gauge"])", Refusal::bad_value_list},
        {R"("dsnames":[1])", Refusal::bad_value_list},
        {R"("time":-1.5)", Refusal::bad_timestamp},
        {R"("time":9300000000)", Refusal::bad_timestamp},
        {R"("time":1e400)", Refusal::number_out_of_range},
        {R"("time":"1")", Refusal::bad_value_list},
        {R"("interval":null)", Refusal::bad_value_list},
        {R"("meta":{bad})", Refusal::bad_value_list},
        {R"("meta":{"a":1,})", Refusal::bad_value_list},
        {R"("meta":")" + std::string(limits::sample_bytes_max, 'x') + '"', Refusal::sample_too_large},
    };
}

TEST(CollectdDecoder, ABadValueListRefusesItselfOnly) {
    const std::string good = value_list("");
    for (const Refused& one : refused_cases()) {
        const Decoded decoded = decode("[" + good + "," + value_list(one.member, one.left_out) + "," + good + "]");
        EXPECT_FALSE(decoded.body_refused) << one.member;
        EXPECT_EQ(decoded.samples.size(), 2u) << one.member;
        ASSERT_EQ(decoded.refused.size(), 1u) << one.member;
        EXPECT_EQ(decoded.refused[0].refusal, one.refusal) << one.member << one.left_out;
        EXPECT_EQ(decoded.refused[0].index, 1u);
        EXPECT_EQ(decoded.refused[0].offset, good.size() + 2);
    }
    const Decoded others = decode("[1, \"x\" ,null,[{}]," + good + "]");
    EXPECT_EQ(others.samples.size(), 1u);
    ASSERT_EQ(others.refused.size(), 4u);
    for (const tests::RefusedRecord& one : others.refused) EXPECT_EQ(one.refusal, Refusal::not_an_object);
}

TEST(CollectdDecoder, BodiesThatAreNoArray) {
    const std::string good = value_list("");
    const std::vector<std::pair<std::string, Refusal>> cases{
        {"", Refusal::empty_body},
        {" \r\n", Refusal::empty_body},
        {good, Refusal::wrong_json_type},
        {"nonsense", Refusal::invalid_json},
        {"\xEF\xBB\xBF[" + good + "]", Refusal::invalid_json},
        {"[" + good, Refusal::invalid_json},
        {"[" + good + ",]", Refusal::invalid_json},
        {"[," + good + "]", Refusal::invalid_json},
        {"[" + good + good + "]", Refusal::invalid_json},
        {"[" + good + "]x", Refusal::invalid_json},
        {"[" + good + "]" + std::string(1, '\0'), Refusal::invalid_json},
        {"[" + good + "][" + good + "]", Refusal::invalid_json},
        {"[" + std::string(10'000, '[') + std::string(10'000, ']') + "]", Refusal::json_too_deep},
        {"[{\"meta\":\"" + std::string(10'000'000, 'x') + "\"}]", Refusal::sample_too_large},
    };
    for (const auto& [body, refusal] : cases) {
        const Decoded decoded = decode(body);
        EXPECT_TRUE(decoded.body_refused) << body.substr(0, 300);
        EXPECT_EQ(decoded.body_refusal, refusal) << body.substr(0, 300);
    }
    EXPECT_FALSE(decode(" [ ] ").body_refused);
}

TEST(CollectdDecoder, TruncatedAnywhere) {
    const std::string body = "[" + value_list(R"("meta":{"a":["]}\"",{}]})") + "," + value_list("") + "]";
    EXPECT_EQ(decode(body).samples.size(), 2u);
    for (std::size_t bytes = 0; bytes < body.size(); ++bytes) {
        const Decoded decoded = decode(std::string_view(body).substr(0, bytes));
        EXPECT_TRUE(decoded.body_refused) << bytes;
        EXPECT_EQ(decoded.body_refusal, bytes == 0 ? Refusal::empty_body : Refusal::invalid_json) << bytes;
    }
}

TEST(CollectdDecoder, ALongBody) {
    std::string body = "[";
    for (int i = 0; i < 2000; ++i) body += (i == 0 ? "" : ",\n") + value_list("");
    EXPECT_EQ(decode(body + "]").samples.size(), 2000u);
}

}  // namespace
}  // namespace sluice
