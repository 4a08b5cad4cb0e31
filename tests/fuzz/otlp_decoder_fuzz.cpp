// Fuzzes OtlpDecoder. Of the first byte of the input, bit 0 chooses the encoding, and bit 1 how JSON has integers of 64
// bits; the second is the byte behind the body, the rest is the body. The canonical record of each sample must be JSON
// that JsonDecoder reads as the same sample, and a body must be read to its end in a bounded number of steps.
//
// Bytes that libprotobuf does not read must be refused, and of the others each record must be what libprotobuf reads.
// Its message, written again, and written as JSON, must give the same samples and refusals.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "parsers/otlp/otlp_decoder.hpp"
#include "tests/fuzz/otlp_tree.hpp"
#include "tests/support/canonical_check.hpp"
#include "tests/support/exact_body.hpp"

namespace {

using namespace sluice;
using parsers::OtlpEncoding;
using tests::Decoded;
using tests::demand;
using tests::Part;
using Request = tests::otlp::ExportMetricsServiceRequest;

constexpr std::int64_t arrival_ns = 1'700'000'123'456'789'012;

Part part_of(std::string_view message) {
    constexpr std::array<std::string_view, 9> frames{
        "ExportMetricsServiceRequest", "ResourceMetrics", "ScopeMetrics", "Metric", "Gauge", "Sum", "Histogram",
        "ExponentialHistogram",        "Summary"};
    if (message == "Resource" || message == "InstrumentationScope") return Part::aside;  // may have no record
    return std::ranges::find(frames, message) == frames.end() ? Part::record : Part::frame;
}

Decoded decode(std::string_view bytes, char padding, OtlpEncoding encoding) {
    static parsers::OtlpDecoder decoder;
    const tests::ExactBody body(bytes, padding);
    // As a message, JSON is up to five times as long.
    return tests::decode_checked(decoder, body.view, static_cast<parsers::Dialect>(encoding),
                                 {parsers::Precision::ns, arrival_ns}, 2 * bytes.size() + 4, 5 * bytes.size());
}

bool is_too_deep(const Decoded& decoded) {
    return std::ranges::find(decoded.refused, Refusal::json_too_deep, &tests::RefusedRecord::refusal) !=
           decoded.refused.end();
}

void check_json(const Request& tree, const Decoded& expected, bool has_long_numbers, std::string_view body) {
    const auto text = tests::otlp_json_of(tree, has_long_numbers);
    if (!text || text->size() > parsers::otlp::JsonMessage::text_bytes_max || is_too_deep(expected)) return;
    tests::demand_same_outcome(decode(*text, ' ', OtlpEncoding::json), expected, "the same as JSON", body);
}

void check_protobuf(std::string_view body, char padding, bool has_long_numbers) {
    const Decoded decoded = decode(body, padding, OtlpEncoding::protobuf);
    const tests::Form form = tests::form_of(*Request::descriptor(), std::string(body), part_of);
    demand(form.has_whole_frame || decoded.body_refused, "a body that cannot be cut into records is refused", body);
    auto tree = tests::tree_of<Request>(body);
    const bool is_compared = body.size() <= tests::compared_bytes_max;
    if (!tree) {
        const bool is_refused = decoded.body_refused || !decoded.refused.empty() || decoded.samples.empty();
        demand(is_refused || !form.is_usual || form.has_foreign_text || form.has_broken_aside || !is_compared,
               "what libprotobuf refuses is refused", body);
        return;
    }
    const auto records = tests::records_of(*tree, arrival_ns);
    demand(!decoded.body_refused || !form.is_usual, "what libprotobuf reads is read", body);
    if (form.is_usual)
        demand(decoded.samples.size() + decoded.refused.size() == records.size(), "as many records", body);
    if (!is_compared) return;
    tree->DiscardUnknownFields();
    const Decoded again = decode(tree->SerializeAsString(), padding, OtlpEncoding::protobuf);
    demand(!again.body_refused, "what libprotobuf writes is read", body);
    tests::demand_records(again, records, {}, body);
    if (form.is_usual) tests::demand_same_outcome(decoded, again, "the same as libprotobuf writes it", body);
    check_json(*tree, again, has_long_numbers, body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
    const auto padding = static_cast<char>(data[1]);
    if ((data[0] & 1) != 0) decode(body, padding, OtlpEncoding::json);
    else check_protobuf(body, padding, (data[0] & 2) != 0);
    return 0;
}
