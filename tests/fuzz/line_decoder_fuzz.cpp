// Fuzzes LineDecoder. The first byte of the input chooses the precision, the second the byte behind the body, the rest
// is the body. The canonical record of each line that is taken must be JSON that JsonDecoder reads as the same sample,
// and a body must be read to its end in a bounded number of steps.
#include <array>
#include <cstdint>
#include <string_view>

#include "parsers/influx/line_decoder.hpp"
#include "tests/support/canonical_check.hpp"
#include "tests/support/exact_body.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sluice;
    using parsers::Precision;
    using parsers::Step;
    using tests::demand;
    if (size < 2) return 0;
    constexpr std::array precisions{Precision::ns, Precision::us, Precision::ms,
                                    Precision::s,  Precision::m,  Precision::h};
    const tests::ExactBody body({reinterpret_cast<const char*>(data) + 2, size - 2}, static_cast<char>(data[1]));
    static parsers::LineDecoder decoder;
    decoder.start(body.view, 0, {precisions[data[0] % precisions.size()], 1'700'000'123'456'789'012});
    std::size_t steps_count = 0;
    for (Step step{}; step != Step::end; ++steps_count) {
        demand(steps_count <= body.view.size() + 2, "each step goes on", body.view);
        step = decoder.next();
        demand(step != Step::body_refused, "a line is refused, never the body", body.view);
        demand(decoder.offset() <= body.view.size(), "the offset is in the body", body.view);
        if (step == Step::sample) tests::check_canonical(decoder.sample());
    }
    return 0;
}
