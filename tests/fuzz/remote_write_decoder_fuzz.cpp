// Fuzzes RemoteWriteDecoder. The first byte of the input chooses the version, the second is the byte behind the body,
// the rest is the body. The canonical record of each sample must be JSON that JsonDecoder reads as the same sample, and
// a body must be read to its end in a bounded number of steps.
//
// Bytes that libprotobuf does not read must be refused, and of the others each record must be what libprotobuf reads,
// its exemplars aside. Its message, written again, must give the same samples and refusals.
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "parsers/prometheus/remote_write_decoder.hpp"
#include "tests/fuzz/remote_write_tree.hpp"
#include "tests/support/canonical_check.hpp"
#include "tests/support/exact_body.hpp"

namespace {

using namespace sluice;
using google::protobuf::UnknownField;
using parsers::RemoteWriteVersion;
using tests::Decoded;
using tests::demand;
using tests::Part;
using V1 = tests::remote_write::WriteRequest;
using V2 = tests::remote_write::Request;

Part part_of(std::string_view message) {
    if (message.ends_with("Exemplar")) return Part::aside;
    constexpr std::array<std::string_view, 4> frames{"WriteRequest", "TimeSeries", "Request", "SymbolTimeSeries"};
    return std::ranges::find(frames, message) == frames.end() ? Part::record : Part::frame;
}

// The exemplars of a series without samples are a record that libprotobuf's tree is not asked for.
void forget_lone_exemplars(Decoded& decoded) {
    std::vector<std::uint32_t> lone;
    std::erase_if(decoded.samples, [&](const tests::OwnedSample& sample) {
        if (!sample.values.starts_with("{\"exemplar\":")) return false;
        lone.push_back(sample.index);
        return true;
    });
    const auto close_gaps = [&](std::uint32_t& index) {
        index -=
            static_cast<std::uint32_t>(std::ranges::count_if(lone, [&](std::uint32_t gone) { return gone < index; }));
    };
    for (tests::OwnedSample& sample : decoded.samples) close_gaps(sample.index);
    for (tests::RefusedRecord& record : decoded.refused) close_gaps(record.index);
}

Decoded decode(std::string_view bytes, char padding, RemoteWriteVersion version) {
    static parsers::RemoteWriteDecoder decoder;
    const tests::ExactBody body(bytes, padding);
    Decoded decoded = tests::decode_checked(decoder, body.view, static_cast<parsers::Dialect>(version),
                                            {parsers::Precision::ms, 1}, 2 * bytes.size() + 2, bytes.size());
    const Kinds kinds = decoder.kinds();
    forget_lone_exemplars(decoded);
    demand(kinds.samples_count + kinds.histograms_count == decoded.samples.size(), "each record is of a kind", bytes);
    return decoded;
}

// Refused whole: the message of the other version, or a table of symbols that does not begin with an empty one.
template <typename Tree>
bool is_other(const Tree& tree) {
    const auto& unknown = Tree::GetReflection()->GetUnknownFields(tree);
    for (int i = 0; i < unknown.field_count(); ++i) {
        const UnknownField& field = unknown.field(i);
        const bool is_of_other =
            std::is_same_v<Tree, V1> ? field.number() == 4 || field.number() == 5 : field.number() <= 3;
        if (field.type() == UnknownField::TYPE_LENGTH_DELIMITED && is_of_other) return true;
    }
    if constexpr (std::is_same_v<Tree, V2>) return tree.symbols_size() != 0 && !tree.symbols(0).empty();
    return false;
}

// Some series has both, whose records come in the order of their bytes; libprotobuf tells them apart.
template <typename Tree>
bool is_mixed(const Tree& tree) {
    return std::ranges::any_of(tree.timeseries(), [](const auto& series) {
        return series.samples_size() != 0 && series.histograms_size() != 0;
    });
}

template <typename Tree>
void check(std::string_view body, char padding, RemoteWriteVersion version) {
    const Decoded decoded = decode(body, padding, version);
    const tests::Form form = tests::form_of(*Tree::descriptor(), std::string(body), part_of);
    demand(form.has_whole_frame || decoded.body_refused, "a body that cannot be cut into records is refused", body);
    auto tree = tests::tree_of<Tree>(body);
    const bool is_compared = body.size() <= tests::compared_bytes_max;
    if (!tree) {
        const bool is_refused = decoded.body_refused || !decoded.refused.empty() || decoded.samples.empty();
        const bool is_told_apart = form.is_usual && !form.has_aside && is_compared;
        demand(is_refused || !is_told_apart, "what libprotobuf refuses is refused", body);
        return;
    }
    if (is_other(*tree)) return demand(decoded.body_refused, "what is another message is refused", body);
    const auto records = tests::records_of(*tree);
    demand(!decoded.body_refused || !form.is_usual, "what libprotobuf reads is read", body);
    if (form.is_usual)
        demand(decoded.samples.size() + decoded.refused.size() == records.size(), "as many records", body);
    if (!is_compared) return;
    tree->DiscardUnknownFields();
    const Decoded again = decode(tree->SerializeAsString(), padding, version);
    demand(!again.body_refused, "what libprotobuf writes is read", body);
    tests::demand_records(again, records, "exemplars", body);
    // Why a series is refused hangs on the order of its fields, which libprotobuf changes.
    if (form.is_usual && !is_mixed(*tree) && decoded.refused.empty())
        tests::demand_same_outcome(decoded, again, "the same as libprotobuf writes it", body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
    const auto padding = static_cast<char>(data[1]);
    if (data[0] % 2 == 0) check<V1>(body, padding, RemoteWriteVersion::v1);
    else check<V2>(body, padding, RemoteWriteVersion::v2);
    return 0;
}
