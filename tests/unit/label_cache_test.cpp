// What a decoder of remote write knows of the labels that came before: never anything that the labels at hand are not.
// runs: release asan
#include "parsers/prometheus/label_cache.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "tests/support/remote_write_text.hpp"

namespace sluice {
namespace {

using parsers::LabelCache;
using parsers::RemoteWriteDecoder;
using parsers::RemoteWriteVersion;
using tests::decode_twice;
using tests::Decoded;
using tests::label;
using tests::Message;
using tests::request;
using tests::sample;
using tests::series;
using tests::up;

TEST(LabelCache, FindsWhatWasKept) {
    LabelCache cache;
    LabelCache::Labels found;
    const std::string bytes = "..up...host";
    const std::string_view view = bytes;
    EXPECT_FALSE(cache.is_known(view, found));
    cache.keep(view, {view.substr(2, 2), view.substr(7), "{\"a\":1}"});
    const std::string other = bytes;
    ASSERT_TRUE(cache.is_known(other, found));
    EXPECT_EQ(found.name, "up");
    EXPECT_EQ(found.device, "host");
    EXPECT_EQ(found.metadata, "{\"a\":1}");
    EXPECT_EQ(found.name.data(), other.data() + 2) << "within the bytes that were asked for";
    EXPECT_FALSE(cache.is_known("..up...hosu", found));
    EXPECT_FALSE(cache.is_known("", found));
}

// One decoder for all: what it knows of one series must not show in another that begins like it.
TEST(LabelCache, LabelsThatCameBefore) {
    RemoteWriteDecoder decoder;
    const auto texts_of = [&](const Message& one) {
        std::string texts;
        for (const auto& found : decode_twice(decoder, request({one}), RemoteWriteVersion::v1).samples)
            texts += found.device_id + " " + found.type + " " + found.value + " " + found.metadata + "\n";
        return texts;
    };
    const std::string_view up_text = R"(a:9100 up 1.0 {"instance":"a:9100","job":"node"})"
                                     "\n";
    EXPECT_EQ(texts_of(series(up, {sample(1)})), up_text);
    EXPECT_EQ(texts_of(series(up, {sample(2)})), R"(a:9100 up 2.0 {"instance":"a:9100","job":"node"})"
                                                 "\n");
    // A label behind the samples, and one behind an unknown field.
    EXPECT_EQ(texts_of(series(up, {sample(1)}).message(1, label("zone", "z"))),
              R"(a:9100 up 1.0 {"instance":"a:9100","job":"node","zone":"z"})"
              "\n");
    EXPECT_EQ(texts_of(series(up).varint(9, 1).message(1, label("device_id", "d")).message(2, sample(1))),
              R"(d up 1.0 {"instance":"a:9100","job":"node","device_id":"d"})"
              "\n");
    EXPECT_EQ(texts_of(series(up, {sample(1)}).message(1, label("job", "twice"))), "");
    EXPECT_EQ(texts_of(series({{"__name__", "up"}, {"instance", "a:9100"}, {"job", "nodf"}}, {sample(1)})),
              R"(a:9100 up 1.0 {"instance":"a:9100","job":"nodf"})"
              "\n");
    EXPECT_EQ(texts_of(series({{"__name__", "x"}}, {sample(1)})), "x x 1.0 \n");
    EXPECT_EQ(texts_of(series(up, {sample(1)})), up_text);
}

TEST(LabelCache, MoreSeriesThanAreKept) {
    RemoteWriteDecoder decoder;
    constexpr int series_count = 20'000;
    static_assert(series_count > LabelCache::entries_count);
    Message message;
    for (int i = 0; i < series_count; ++i)
        message.message(1, series({{"__name__", "m"}, {"device_id", std::to_string(i)}}, {sample(i)}));
    const Decoded decoded = decode_twice(decoder, message.text(), RemoteWriteVersion::v1);
    ASSERT_EQ(decoded.samples.size(), static_cast<std::size_t>(series_count));
    for (int i = 0; i < series_count; ++i)
        ASSERT_EQ(decoded.samples[static_cast<std::size_t>(i)].device_id, std::to_string(i));
}

// Around the size up to which they are kept.
TEST(LabelCache, LargeLabels) {
    for (const std::size_t bytes : {150u, 200u, 215u, 220u, 225u, 230u, 235u, 400u, 480u, 490u, 500u, 1000u}) {
        const std::string value(bytes, 'v');
        RemoteWriteDecoder decoder;
        const std::string body = request({series({{"__name__", "m"}, {"l", value}}, {sample(1)})});
        const Decoded decoded = decode_twice(decoder, body, RemoteWriteVersion::v1);
        ASSERT_EQ(decoded.samples.size(), 1u);
        EXPECT_EQ(decoded.samples[0].metadata, "{\"l\":\"" + value + "\"}");
    }
}

}  // namespace
}  // namespace sluice
