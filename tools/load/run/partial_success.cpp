#include "tools/load/run/partial_success.hpp"

#include <nlohmann/json.hpp>

#include "parsers/protobuf/wire.hpp"

namespace sluice::load {
namespace {

using parsers::WireField;
using parsers::WireReader;
using parsers::WireType;

// ExportMetricsServiceResponse: partial_success 1, and in it rejected_data_points 1.
bool is_whole_protobuf(std::string_view body) {
    WireReader response(body);
    for (WireField field; response.next(field);) {
        if (!field.is(1, WireType::bytes)) continue;
        WireReader partial(field.bytes);
        for (WireField inner; partial.next(inner);)
            if (inner.is(1, WireType::varint) && inner.value != 0) return false;
        if (partial.is_malformed()) return false;
    }
    return !response.is_malformed();
}

// An integer of 64 bits is a text there; some write a number.
bool is_whole_json(std::string_view body) {
    const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return false;
    const auto partial = json.find("partialSuccess");
    if (partial == json.end() || !partial->is_object()) return true;
    const auto rejected = partial->find("rejectedDataPoints");
    return rejected == partial->end() || *rejected == "0" || *rejected == 0;
}

}  // namespace

bool has_partial_success(BodyFormat format) { return format == BodyFormat::otlp || format == BodyFormat::otlp_json; }

bool is_whole_success(BodyFormat format, std::string_view body) {
    if (!has_partial_success(format) || body.empty() || body == "{}") return true;
    return format == BodyFormat::otlp ? is_whole_protobuf(body) : is_whole_json(body);
}

}  // namespace sluice::load
