// JsonDecoder: samples written as JSON. simdjson On-Demand; the body is read in place.
//
// Dialects. `json`: one object is one record, an array is one record for each element; a JSON error anywhere refuses
// the body. `ndjson`: each non-blank line is a record; a JSON error refuses its line only (malformed_record), invalid
// UTF-8 too.
//
// Bounded. simdjson indexes a window of the body at a time, so that neither the memory nor the time of one next() grows
// with the body. A body within one window is read whole. Of a longer array the window takes whole elements, as it takes
// whole lines of NDJSON; an element that does not end within one window refuses the body (sample_too_large).
//
// One thread at a time: a reactor's, or the one that reads a journal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "engine/core/limits.hpp"
#include "parsers/decoder.hpp"

namespace sluice::parsers {

enum class BodyFormat : Dialect { json, ndjson };

class JsonDecoder final : public Decoder {
  public:
    // `window_bytes` is more than limits::sample_bytes_max.
    explicit JsonDecoder(std::size_t window_bytes = limits::decode_window_bytes);
    ~JsonDecoder() override;

    void start(std::string_view body, Dialect dialect, const DecodeOptions& options) override;
    void start(std::string_view body, BodyFormat format, const DecodeOptions& options) {
        start(body, static_cast<Dialect>(format), options);
    }

    [[nodiscard]] Step next() override;

    [[nodiscard]] const Sample& sample() const override;
    [[nodiscard]] Refusal refusal() const override;
    [[nodiscard]] std::uint32_t record_index() const override;
    [[nodiscard]] std::size_t offset() const override;
    [[nodiscard]] bool is_single() const override;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::parsers
