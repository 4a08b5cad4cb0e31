// The canonical JSON record of a sample: Sample::raw of formats that are not JSON. JsonDecoder reads it as the same
// sample, with a precision of ns. Members in this order, absent ones left out:
//
//   {"device_id":…,"type":…,"value":… or "values":…,"unit":…,"timestamp":…,"metadata":…,"priority":…, then
//    `others`}
#pragma once

#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/sample.hpp"
#include "parsers/json_writer.hpp"

namespace sluice::parsers {

// `sample.raw` is not looked at.
void write_canonical(const Sample& sample, JsonWriter& out);

// Keeps the records of one decoder. Where nobody needs them (DecodeOptions::needs_raw), only the first of a body is
// written, for whoever shows one: writing them was a third of a decoder's time. The thread of its decoder.
class CanonicalRecord {
  public:
    CanonicalRecord() : text_(limits::sample_bytes_max) {}

    // A new body.
    void start(bool is_needed) {
        is_needed_ = is_needed;
        is_first_ = true;
    }
    // Sets `sample.raw`; empty: nobody needs it. False: the record is too large, which does not hang on who needs it.
    [[nodiscard]] bool keep(Sample& sample);
    // The same, always written.
    [[nodiscard]] bool write(Sample& sample);

  private:
    JsonWriter text_;
    bool is_needed_ = true;
    bool is_first_ = true;
};

}  // namespace sluice::parsers
