// Bodies of remote write 1.0, and what a decoder makes of them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parsers/prometheus/remote_write_decoder.hpp"
#include "tests/support/decoding.hpp"
#include "tests/support/protobuf_text.hpp"

namespace sluice::tests {

using Labels = std::vector<std::pair<std::string, std::string>>;

inline void expect_same(const Decoded& one, const Decoded& other) {
    EXPECT_EQ(one.body_refused, other.body_refused);
    ASSERT_EQ(one.samples.size(), other.samples.size());
    ASSERT_EQ(one.refused.size(), other.refused.size());
    for (std::size_t i = 0; i < one.samples.size(); ++i) {
        EXPECT_TRUE(is_same_sample(one.samples[i], other.samples[i])) << other.samples[i].raw;
        EXPECT_EQ(one.samples[i].index, other.samples[i].index);
    }
    for (std::size_t i = 0; i < one.refused.size(); ++i) {
        EXPECT_EQ(one.refused[i].refusal, other.refused[i].refusal);
        EXPECT_EQ(one.refused[i].offset, other.refused[i].offset);
    }
}

// Twice, since a decoder knows the labels that it has read before.
inline Decoded decode_twice(parsers::RemoteWriteDecoder& decoder, std::string_view body,
                            parsers::RemoteWriteVersion version) {
    const GuardedBody guarded(body, '\x0a');
    const auto dialect = static_cast<parsers::Dialect>(version);
    const auto once = [&] { return decode_with(decoder, guarded.view(), dialect, {parsers::Precision::ms, 5}); };
    const Decoded decoded = once();
    expect_same(decoded, once());
    return decoded;
}

inline constexpr std::int64_t remote_write_ms = 1'700'000'123'456;

inline Message label(std::string_view name, std::string_view value) { return Message().bytes(1, name).bytes(2, value); }
inline Message sample(double value, std::int64_t timestamp_ms = remote_write_ms) {
    return Message().real(1, value).varint(2, static_cast<std::uint64_t>(timestamp_ms));
}
inline Message series(const Labels& labels, std::initializer_list<Message> samples = {}) {
    Message message;
    for (const auto& [name, value] : labels) message.message(1, label(name, value));
    for (const Message& one : samples) message.message(2, one);
    return message;
}
inline std::string request(std::initializer_list<Message> all) {
    Message message;
    for (const Message& one : all) message.message(1, one);
    return message.text();
}

inline const Labels up{{"__name__", "up"}, {"instance", "a:9100"}, {"job", "node"}};

}  // namespace sluice::tests
