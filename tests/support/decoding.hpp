// Runs a body through a JsonDecoder and keeps what came out as plain values, for tests.
//
// The body lies directly in front of an inaccessible page, padding_bytes before it: a decoder that reads further
// than it may is killed on the spot. (A fuzz target, which links no .cpp of this folder, uses only what is inline.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/limits.hpp"
#include "parsers/json/json_decoder.hpp"

namespace sluice::tests {

struct OwnedSample {
    std::string device_id, type, value, unit, values, metadata, raw;
    std::int64_t timestamp_ns = 0;
    Priority priority = Priority::none;
    ValueKind value_kind = ValueKind::none;
    std::vector<std::pair<std::string, std::string>> others;
    std::uint32_t index = 0;
};

// But for its place in the body.
[[nodiscard]] inline bool is_same_sample(const OwnedSample& one, const OwnedSample& other) {
    return one.device_id == other.device_id && one.type == other.type && one.value == other.value &&
           one.value_kind == other.value_kind && one.unit == other.unit && one.values == other.values &&
           one.metadata == other.metadata && one.timestamp_ns == other.timestamp_ns && one.raw == other.raw &&
           one.priority == other.priority && one.others == other.others;
}

struct RefusedRecord {
    Refusal refusal;
    std::uint32_t index;
    std::size_t offset;
};

struct Decoded {
    std::vector<OwnedSample> samples;
    std::vector<RefusedRecord> refused;
    bool body_refused = false;
    Refusal body_refusal{};
    std::size_t body_offset = 0;
    bool is_single = false;
};

// Memory that ends, `padding_bytes` behind the text, at a page that must not be touched.
class GuardedBody {
  public:
    explicit GuardedBody(std::string_view text, char padding = ' ');
    ~GuardedBody();
    GuardedBody(const GuardedBody&) = delete;
    GuardedBody& operator=(const GuardedBody&) = delete;
    [[nodiscard]] std::string_view view() const { return view_; }

  private:
    void* mapping_ = nullptr;
    std::size_t mapping_bytes_ = 0;
    std::string_view view_;
};

inline OwnedSample owned(const Sample& sample) {
    OwnedSample copy;
    copy.device_id = sample.device_id;
    copy.type = sample.type;
    copy.value = sample.value;
    copy.unit = sample.unit;
    copy.values = sample.values;
    copy.metadata = sample.metadata;
    copy.raw = sample.raw;
    copy.timestamp_ns = sample.timestamp_ns;
    copy.priority = sample.priority;
    copy.value_kind = sample.value_kind;
    for (const Member& other : sample.others) copy.others.emplace_back(other.name, other.value);
    return copy;
}

[[nodiscard]] inline Decoded decode_with(parsers::Decoder& decoder, std::string_view padded_body,
                                         parsers::Dialect dialect, const parsers::DecodeOptions& options = {}) {
    Decoded decoded;
    decoder.start(padded_body, dialect, options);
    decoded.is_single = decoder.is_single();
    for (;;) {
        switch (decoder.next()) {
            case parsers::Step::sample:
                decoded.samples.push_back(owned(decoder.sample()));
                decoded.samples.back().index = decoder.record_index();
                break;
            case parsers::Step::record_refused:
                decoded.refused.push_back({decoder.refusal(), decoder.record_index(), decoder.offset()});
                break;
            case parsers::Step::more: break;
            case parsers::Step::body_refused:
                decoded.body_refused = true;
                decoded.body_refusal = decoder.refusal();
                decoded.body_offset = decoder.offset();
                return decoded;
            case parsers::Step::end: return decoded;
        }
    }
}

[[nodiscard]] inline Decoded decode(parsers::JsonDecoder& decoder, std::string_view padded_body,
                                    parsers::BodyFormat format, const parsers::DecodeOptions& options = {}) {
    return decode_with(decoder, padded_body, static_cast<parsers::Dialect>(format), options);
}

// With a decoder of its own and the body in front of a guard page.
[[nodiscard]] Decoded decode(std::string_view body, parsers::BodyFormat format = parsers::BodyFormat::json,
                             const parsers::DecodeOptions& options = {}, char padding = ' ');

}  // namespace sluice::tests
