// Decoder: a request body in, checked Samples out, one at a time. One implementation for each way to write samples.
//
// Pull style, so that the caller decides what happens between two samples: a batch may be full, or the turn may be
// over, and the rest is read in a later one. Each user has its own (a reactor two), on one thread, used for every body;
// it allocates nothing after it was made. The time that one next() takes is bounded, whatever the body.
//
//   decoder.start(body, dialect, options);
//   for (;;) switch (decoder.next()) {
//       case Step::sample:         use decoder.sample(); it is valid until next()
//       case Step::record_refused: decoder.refusal(), decoder.record_index(); the next records are not affected
//       case Step::more:           nothing yet: call next() again, in a later turn perhaps
//       case Step::body_refused:   decoder.refusal(), decoder.offset(); nothing of the body may be accepted; ends
//       case Step::end:            ends
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/core/kinds.hpp"
#include "engine/core/refusal.hpp"
#include "engine/core/sample.hpp"
#include "parsers/timestamp.hpp"

namespace sluice::parsers {

// How the decoder's bytes are written, where it knows several ways (JSON and NDJSON). Any number that the decoder
// knows.
using Dialect = std::uint8_t;

struct DecodeOptions {
    Precision precision = Precision::by_magnitude;
    std::int64_t arrival_ns = 0;  // time stamp of a sample that brings none; since 1970
    // Members that each sample gets, strings; borrowed like the body. JSON has none.
    std::span<const Member> others{};
    // Sample::raw of each sample. Else formats that are not JSON give that of a body's first sample, and leave the
    // others empty.
    bool needs_raw = true;
};

// Bytes of a body.
struct Extent {
    std::size_t begin = 0;
    std::size_t end = 0;  // one past the last; 0: the decoder does not tell, its format shows it
};

enum class Step : std::uint8_t { sample, record_refused, more, body_refused, end };

class Decoder {
  public:
    Decoder() = default;
    virtual ~Decoder() = default;
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    // `body` is borrowed until the last next(); at least limits::body_padding_bytes are readable behind it. A body that
    // was not read to its end may be left.
    virtual void start(std::string_view body, Dialect dialect, const DecodeOptions& options) = 0;

    [[nodiscard]] virtual Step next() = 0;

    [[nodiscard]] virtual const Sample& sample() const = 0;
    [[nodiscard]] virtual Refusal refusal() const = 0;
    [[nodiscard]] virtual std::uint32_t record_index() const = 0;  // 0-based, of the last sample or refused record
    [[nodiscard]] virtual std::size_t offset() const = 0;  // byte in the body, of a refused body or record
    // Where the last sample or refused record lies. Of a fault of the text (is_fault_of_text()) it begins there.
    [[nodiscard]] virtual Extent extent() const { return {offset(), 0}; }
    // After start(): the body is one sample rather than a list, so the answer names one error, not a list.
    [[nodiscard]] virtual bool is_single() const = 0;
    // So far. Of formats that do not tell them apart: nothing.
    [[nodiscard]] virtual Kinds kinds() const { return {}; }
};

}  // namespace sluice::parsers
