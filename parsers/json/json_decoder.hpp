// JsonDecoder: a request body in, checked Samples out, one at a time.
//
// simdjson On-Demand; the body is read in place. Pull style, so that the caller decides what happens between
// two samples (a batch may be full). Owned by one reactor, reused for every request: after the
// first large body it allocates nothing.
//
//   decoder.start(body, BodyFormat::ndjson, options);
//   for (;;) switch (decoder.next()) {
//       case Step::sample:         use decoder.sample(); it is valid until next()
//       case Step::record_refused: decoder.refusal(), decoder.record_index(); the next records are not affected
//       case Step::body_refused:   decoder.refusal(), decoder.offset(); nothing of the body may be accepted; ends
//       case Step::end:            ends
//   }
//
// Formats. `json`: one object is one record, an array is one record for each element; a JSON error
// anywhere refuses the body. `ndjson`: each non-blank line is a record; a JSON error refuses its line only
// (malformed_record), invalid UTF-8 too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "engine/core/sample.hpp"
#include "parsers/timestamp.hpp"

namespace sluice::parsers {

enum class BodyFormat : std::uint8_t { json, ndjson };

struct DecodeOptions {
    Precision precision = Precision::by_magnitude;
    std::int64_t arrival_ns = 0;  // time stamp of a sample that brings none
};

enum class Step : std::uint8_t { sample, record_refused, body_refused, end };

class JsonDecoder {
  public:
    // Bytes that must be readable behind a body (their values do not matter): SIMDJSON_PADDING.
    static constexpr std::size_t padding_bytes = limits::body_padding_bytes;

    explicit JsonDecoder(std::size_t body_bytes_max);
    ~JsonDecoder();
    JsonDecoder(const JsonDecoder&) = delete;
    JsonDecoder& operator=(const JsonDecoder&) = delete;

    // `body` is borrowed until the next start(); at least padding_bytes are readable behind it.
    void start(std::string_view body, BodyFormat format, const DecodeOptions& options);

    [[nodiscard]] Step next();

    [[nodiscard]] const Sample& sample() const;
    [[nodiscard]] Refusal refusal() const;
    [[nodiscard]] std::uint32_t record_index() const;  // 0-based, of the last sample or refused record
    [[nodiscard]] std::size_t offset() const;          // byte offset in the body, of a refused body or record
    // True once start() found one object rather than a list: the answer names one error, not a list.
    [[nodiscard]] bool is_single() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::parsers
