// Fuzzes CollectdDecoder. The first byte of the input is the byte behind the body, the rest is the body. The canonical
// record of each value list that is taken must be JSON that JsonDecoder reads as the same sample, a body that
// JsonDecoder finds to be no JSON must not be taken whole, and a body must be read to its end in a bounded number of
// steps.
#include <cstdint>
#include <string_view>

#include "parsers/collectd/collectd_decoder.hpp"
#include "tests/support/canonical_check.hpp"
#include "tests/support/exact_body.hpp"

namespace {

bool is_json(std::string_view body) {
    using namespace sluice;
    static parsers::JsonDecoder json;
    return !tests::decode(json, body, parsers::BodyFormat::json).body_refused;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sluice;
    using parsers::Step;
    if (size < 1) return 0;
    const tests::ExactBody body({reinterpret_cast<const char*>(data) + 1, size - 1}, static_cast<char>(data[0]));
    static parsers::CollectdDecoder decoder;
    decoder.start(body.view, 0, {parsers::Precision::s, 1'700'000'123'456'789'012});
    std::size_t steps_count = 0;
    bool is_taken = true;
    for (Step step{}; step != Step::end && step != Step::body_refused; ++steps_count) {
        tests::demand(steps_count <= body.view.size() + 2, "each step goes on", body.view);
        step = decoder.next();
        tests::demand(decoder.offset() <= body.view.size(), "the offset is in the body", body.view);
        if (step == Step::sample) tests::check_canonical(decoder.sample());
        else is_taken = is_taken && step == Step::end;
    }
    tests::demand(!is_taken || is_json(body.view), "what was taken whole is JSON", body.view);
    return 0;
}
