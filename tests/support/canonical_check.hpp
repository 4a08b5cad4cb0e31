// For fuzz targets of decoders: what must hold is demanded, and the canonical record of a sample is the same sample.
#pragma once

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

inline void check_canonical(const Sample& sample) {
    static parsers::JsonDecoder json;
    const OwnedSample taken = owned(sample);
    const ExactBody record(taken.raw, ' ');
    const Decoded again =
        decode(json, record.view, parsers::BodyFormat::json, {.precision = parsers::Precision::ns, .arrival_ns = 1});
    demand(again.samples.size() == 1, "the canonical record is one sample", taken.raw);
    demand(is_same_sample(taken, again.samples[0]), "the canonical record is the same sample", taken.raw);
}

}  // namespace sluice::tests
