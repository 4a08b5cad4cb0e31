// Fuzzes OtlpDecoder. The first byte of the input chooses the encoding, the second is the byte behind the body, the
// rest is the body. The canonical record of each sample must be JSON that JsonDecoder reads as the same sample, and a
// body must be read to its end in a bounded number of steps.
#include <cstdint>
#include <string_view>

#include "parsers/otlp/otlp_decoder.hpp"
#include "tests/support/canonical_check.hpp"
#include "tests/support/exact_body.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sluice;
    using parsers::Step;
    if (size < 2) return 0;
    const tests::ExactBody body({reinterpret_cast<const char*>(data) + 2, size - 2}, static_cast<char>(data[1]));
    static parsers::OtlpDecoder decoder;
    decoder.start(body.view, data[0] % 2, {parsers::Precision::ns, 1'700'000'123'456'789'012});
    std::size_t steps_count = 0;
    for (Step step{}; step != Step::end && step != Step::body_refused; ++steps_count) {
        tests::demand(steps_count <= 2 * body.view.size() + 4, "each step goes on", body.view);
        step = decoder.next();
        if (step == Step::sample) tests::check_canonical(decoder.sample());
    }
    return 0;
}
