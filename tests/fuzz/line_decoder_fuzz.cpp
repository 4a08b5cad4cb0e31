// Fuzzes LineDecoder. The first byte of the input chooses the precision, the second the byte behind the body, the rest
// is the body. The canonical record of each line that is taken must be JSON that JsonDecoder reads as the same sample,
// and a body must be read to its end in a bounded number of steps.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "parsers/influx/line_decoder.hpp"
#include "tests/support/decoding.hpp"
#include "tests/support/exact_body.hpp"

namespace {

using namespace sluice;
using parsers::Precision;
using parsers::Step;
using tests::ExactBody;
using tests::OwnedSample;

void demand(bool holds, const char* what, std::string_view of) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: %s: %.*s\n", what, static_cast<int>(of.size()), of.data());
    std::abort();
}

bool is_same(const OwnedSample& one, const OwnedSample& other) {
    return one.device_id == other.device_id && one.type == other.type && one.value == other.value &&
           one.value_kind == other.value_kind && one.values == other.values && one.metadata == other.metadata &&
           one.timestamp_ns == other.timestamp_ns && one.raw == other.raw;
}

void check_sample(const Sample& sample) {
    static parsers::JsonDecoder json;
    const OwnedSample taken = tests::owned(sample);
    const ExactBody record(taken.raw, ' ');
    const tests::Decoded again = tests::decode(json, record.view, parsers::BodyFormat::json, {Precision::ns, 1});
    demand(again.samples.size() == 1, "the canonical record is one sample", taken.raw);
    demand(is_same(taken, again.samples[0]), "the canonical record is the same sample", taken.raw);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    constexpr std::array precisions{Precision::ns, Precision::us, Precision::ms,
                                    Precision::s,  Precision::m,  Precision::h};
    const ExactBody body({reinterpret_cast<const char*>(data) + 2, size - 2}, static_cast<char>(data[1]));
    static parsers::LineDecoder decoder;
    decoder.start(body.view, 0, {precisions[data[0] % precisions.size()], 1'700'000'123'456'789'012});
    std::size_t steps_count = 0;
    for (Step step{}; step != Step::end; ++steps_count) {
        demand(steps_count <= body.view.size() + 2, "each step goes on", body.view);
        step = decoder.next();
        demand(step != Step::body_refused, "a line is refused, never the body", body.view);
        demand(decoder.offset() <= body.view.size(), "the offset is in the body", body.view);
        if (step == Step::sample) check_sample(decoder.sample());
    }
    return 0;
}
