#include <array>

#include "engine/ingest/format.hpp"
#include "engine/ingest/json_answer.hpp"
#include "parsers/json/json_decoder.hpp"

namespace sluice {
namespace {

constexpr auto json = static_cast<parsers::Dialect>(parsers::BodyFormat::json);
constexpr auto ndjson = static_cast<parsers::Dialect>(parsers::BodyFormat::ndjson);

constexpr MediaType json_media_types[]{
    {"application/json", json},        {"text/json", json},           {"application/x-ndjson", ndjson},
    {"application/ndjson", ndjson},    {"application/jsonl", ndjson}, {"application/x-jsonlines", ndjson},
    {"application/jsonlines", ndjson},
};

template <typename Decoder>
std::unique_ptr<parsers::Decoder> make() {
    return std::make_unique<Decoder>();
}

constexpr std::array rows{
    Format{.path = "/telemetry",
           .media_types = json_media_types,
           .make_decoder = make<parsers::JsonDecoder>,
           .precision = parsers::Precision::by_magnitude,
           .accept = "application/json, application/x-ndjson",
           .refuses_unknown_parameters = true,
           .answer = answer_json,
           .refuse = refuse_json},
};

}  // namespace

std::span<const Format> formats() { return rows; }

}  // namespace sluice
