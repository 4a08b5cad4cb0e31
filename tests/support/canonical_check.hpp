// For fuzz targets of decoders: what must hold is demanded, and the canonical record of a sample is the same sample.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "parsers/json/json_decoder.hpp"
#include "tests/support/decoding.hpp"
#include "tests/support/exact_body.hpp"

namespace sluice::tests {

inline void demand(bool holds, const char* what, std::string_view of) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: %s: %.*s\n", what, static_cast<int>(of.size()), of.data());
    std::abort();
}

// A record is one line: line breaks between the members of a JSON text that a client wrote are spaces in it.
inline void check_canonical(const Sample& sample) {
    static parsers::JsonDecoder json;
    OwnedSample taken = owned(sample);
    std::ranges::replace_if(taken.metadata, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    const ExactBody record(taken.raw, ' ');
    const Decoded again =
        decode(json, record.view, parsers::BodyFormat::json, {.precision = parsers::Precision::ns, .arrival_ns = 1});
    demand(again.samples.size() == 1, "the canonical record is one sample", taken.raw);
    demand(is_same_sample(taken, again.samples[0]), "the canonical record is the same sample", taken.raw);
}

// Reads a body, which lies in memory of its size, to its end. It takes at most `steps_max` steps, and each sample is
// checked. `offset_max`: of the decoder's offsets.
inline Decoded decode_checked(parsers::Decoder& decoder, std::string_view padded_body, parsers::Dialect dialect,
                              const parsers::DecodeOptions& options, std::size_t steps_max, std::size_t offset_max) {
    using parsers::Step;
    Decoded decoded;
    decoder.start(padded_body, dialect, options);
    for (std::size_t steps_count = 0;; ++steps_count) {
        demand(steps_count <= steps_max, "each step goes on", padded_body);
        const Step step = decoder.next();
        if (step == Step::end) return decoded;
        demand(decoder.offset() <= offset_max, "the offset is in the body", padded_body);
        if (step == Step::body_refused) {
            decoded.body_refused = true;
            decoded.body_refusal = decoder.refusal();
            return decoded;
        }
        if (step == Step::more) continue;
        demand(decoder.record_index() == decoded.samples.size() + decoded.refused.size(), "records are counted",
               padded_body);
        if (step == Step::record_refused) {
            decoded.refused.push_back({decoder.refusal(), decoder.record_index(), decoder.offset()});
            continue;
        }
        check_canonical(decoder.sample());
        decoded.samples.push_back(owned(decoder.sample()));
        decoded.samples.back().index = decoder.record_index();
    }
}

}  // namespace sluice::tests
