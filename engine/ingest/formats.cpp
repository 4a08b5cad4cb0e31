#include <algorithm>
#include <array>
#include <type_traits>

#include "engine/ingest/format.hpp"
#include "engine/ingest/influx_answer.hpp"
#include "engine/ingest/json_answer.hpp"
#include "engine/ingest/kept_parameters.hpp"
#include "engine/ingest/otlp_answer.hpp"
#include "engine/ingest/prometheus_answer.hpp"
#include "engine/ingest/protobuf_answer.hpp"
#include "parsers/collectd/collectd_decoder.hpp"
#include "parsers/influx/line_decoder.hpp"
#include "parsers/json/json_decoder.hpp"
#include "parsers/otlp/otlp_decoder.hpp"
#include "parsers/prometheus/remote_write_decoder.hpp"
#include "parsers/telemetry/telemetry_decoder.hpp"

namespace sluice {
namespace {

constexpr auto json = static_cast<parsers::Dialect>(parsers::BodyFormat::json);
constexpr auto ndjson = static_cast<parsers::Dialect>(parsers::BodyFormat::ndjson);

constexpr MediaType json_media_types[]{
    {"application/json", json},        {"text/json", json},           {"application/x-ndjson", ndjson},
    {"application/ndjson", ndjson},    {"application/jsonl", ndjson}, {"application/x-jsonlines", ndjson},
    {"application/jsonlines", ndjson},
};

// What is no message of remote write must be refused: to one that does not look, a request of 2.0 reads as an empty one
// of 1.0, and would be answered as stored.
constexpr MediaType remote_write_media_types[]{{"application/x-protobuf", 0}};
constexpr MessageName remote_write_messages[]{
    {"prometheus.WriteRequest", 0, static_cast<parsers::Dialect>(parsers::RemoteWriteVersion::v1)},
    {"io.prometheus.write.v2.Request", 0, static_cast<parsers::Dialect>(parsers::RemoteWriteVersion::v2)}};

constexpr MediaType otlp_media_types[]{
    {"application/x-protobuf", static_cast<parsers::Dialect>(parsers::OtlpEncoding::protobuf)},
    {"application/json", static_cast<parsers::Dialect>(parsers::OtlpEncoding::json)}};

constexpr auto telemetry_batch = static_cast<parsers::Dialect>(parsers::TelemetryMessage::batch);
constexpr auto telemetry_sample = static_cast<parsers::Dialect>(parsers::TelemetryMessage::sample);
constexpr auto telemetry_delimited = static_cast<parsers::Dialect>(parsers::TelemetryMessage::delimited);
constexpr MediaType telemetry_media_types[]{{"application/x-protobuf", telemetry_batch},
                                            {"application/protobuf", telemetry_batch},
                                            {"application/vnd.google.protobuf", telemetry_batch},
                                            {"application/x-protobuf-delimited", telemetry_delimited}};
constexpr std::array telemetry_media_type_names = [] {
    std::array<std::string_view, std::size(telemetry_media_types)> names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = telemetry_media_types[i].name;
    return names;
}();
constexpr MessageName telemetry_messages[]{{"sluice.v1.TelemetryBatch", telemetry_batch, telemetry_batch},
                                           {"sluice.v1.TelemetrySample", telemetry_batch, telemetry_sample},
                                           {"sluice.v1.TelemetrySample", telemetry_delimited, telemetry_delimited}};
constexpr std::string_view telemetry_accept =
    "application/json, application/x-ndjson, application/x-protobuf, application/x-protobuf-delimited";

constexpr std::string_view json_paths[]{"/telemetry"};
// Clients that take a base URL may be given one that ends in /influx.
constexpr std::string_view influx_v1_paths[]{"/write", "/influx/write"};
constexpr std::string_view influx_v2_paths[]{"/api/v2/write", "/influx/api/v2/write"};

constexpr std::string_view otlp_paths[]{"/v1/metrics"};
// An agent that sends all signals drops what it is answered 404 for, and goes on with its metrics.
constexpr std::string_view otlp_other_paths[]{"/v1/traces", "/v1/logs", "/v1development/profiles"};
constexpr std::string_view remote_write_paths[]{"/api/v1/write", "/api/v1/push"};

constexpr MediaType collectd_media_types[]{{"application/json", 0}};
constexpr std::string_view collectd_paths[]{"/collectd"};

constexpr std::string_view influx_v1_kept[]{"db", "rp"};
constexpr std::string_view influx_v2_kept[]{"bucket", "org"};
static_assert(std::size(influx_v1_kept) <= KeptParameters::count_max);
static_assert(std::size(influx_v2_kept) <= KeptParameters::count_max);

using parsers::Precision;
constexpr PrecisionName json_precisions[]{
    {"s", Precision::s}, {"ms", Precision::ms}, {"us", Precision::us}, {"ns", Precision::ns}};
constexpr PrecisionName influx_precisions[]{{"ns", Precision::ns}, {"n", Precision::ns},  {"us", Precision::us},
                                            {"u", Precision::us},  {"ms", Precision::ms}, {"s", Precision::s},
                                            {"m", Precision::m},   {"h", Precision::h}};
constexpr std::span<const PrecisionName> influx_v2_precisions = std::span(influx_precisions).first(6);

template <typename Decoder>
std::unique_ptr<parsers::Decoder> make(const SampleMapping& mapping) {
    if constexpr (std::is_constructible_v<Decoder, const SampleMapping&>) return std::make_unique<Decoder>(mapping);
    else return std::make_unique<Decoder>();
}

// Messages of telemetry.proto, answered as JSON or as Protocol Buffers.
constexpr Format telemetry_row(std::string_view next_accept, decltype(Format::answer) answer,
                               decltype(Format::refuse) refuse) {
    return {.name = IngestFormat::protobuf,
            .paths = {},
            .media_types = telemetry_media_types,
            .next_accept = next_accept,
            .messages = telemetry_messages,
            .make_decoder = make<parsers::TelemetryDecoder>,
            .precision = Precision::ns,
            .accept = telemetry_accept,
            .refuses_unknown_parameters = true,
            .answer = answer,
            .refuse = refuse};
}

constexpr std::array rows{
    Format{.name = IngestFormat::json,
           .paths = json_paths,
           .media_types = json_media_types,
           .next_media_types = telemetry_media_type_names,
           .make_decoder = make<parsers::JsonDecoder>,
           .precision = Precision::by_magnitude,
           .precision_names = json_precisions,
           .accept = telemetry_accept,
           .refuses_unknown_parameters = true,
           .answer = answer_json,
           .refuse = refuse_json},
    telemetry_row(protobuf_content_type, answer_json, refuse_json),
    telemetry_row({}, answer_protobuf, refuse_protobuf),
    Format{.name = IngestFormat::influx,
           .paths = influx_v1_paths,
           .make_decoder = make<parsers::LineDecoder>,
           .precision = Precision::by_magnitude,  // or ns, as the decoder was told
           .precision_names = influx_precisions,
           .precision_refusal = Refusal::bad_line_precision,
           .kept_parameters = influx_v1_kept,
           .challenge = basic_challenge,
           .takes_query_token = true,
           .drops_on_429 = true,
           .drops_on_4xx = true,
           .may_be_empty = true,
           .quotes_lines = true,
           .answer = answer_influx_v1,
           .refuse = refuse_influx_v1},
    Format{.name = IngestFormat::influx,
           .paths = influx_v2_paths,
           .make_decoder = make<parsers::LineDecoder>,
           .precision = Precision::by_magnitude,  // or ns, as the decoder was told
           .precision_names = influx_v2_precisions,
           .precision_refusal = Refusal::bad_line_precision,
           .kept_parameters = influx_v2_kept,
           .misreads_retry_after = "influxdb-client-js/",  // for milliseconds: it would give up within a second
           .challenge = basic_challenge,
           .drops_on_4xx = true,
           .may_be_empty = true,
           .quotes_lines = true,
           .answer = answer_influx_v2,
           .refuse = refuse_influx_v2},
    Format{.name = IngestFormat::remote_write,
           .paths = remote_write_paths,
           .media_types = remote_write_media_types,
           .messages = remote_write_messages,
           .make_decoder = make<parsers::RemoteWriteDecoder>,
           .precision = Precision::ms,
           .accept = "application/x-protobuf",
           .drops_on_429 = true,
           .drops_on_4xx = true,
           .counts_retries = true,
           .may_be_empty = true,
           .tells_kinds = true,
           .answer = answer_prometheus,
           .refuse = refuse_prometheus},
    Format{.name = IngestFormat::otlp,
           .paths = otlp_paths,
           .media_types = otlp_media_types,
           .make_decoder = make<parsers::OtlpDecoder>,
           .precision = Precision::ns,
           .accept = "application/x-protobuf, application/json",
           .drops_on_4xx = true,
           .may_be_empty = true,
           .answer = answer_otlp,
           .refuse = refuse_otlp},
    Format{.name = IngestFormat::otlp,
           .paths = otlp_other_paths,
           .media_types = otlp_media_types,
           .make_decoder = nullptr,
           .precision = Precision::ns,
           .accept = "application/x-protobuf, application/json",
           .refusal = Refusal::unsupported_signal,
           .drops_on_4xx = true,
           .may_be_empty = true,
           .answer = answer_otlp,
           .refuse = refuse_otlp},
    Format{.name = IngestFormat::collectd,
           .paths = collectd_paths,
           .media_types = collectd_media_types,
           .make_decoder = make<parsers::CollectdDecoder>,
           .precision = Precision::s,
           .accept = "application/json",
           .challenge = basic_challenge,
           .answer = answer_json,
           .refuse = refuse_json},
};

static_assert(std::ranges::none_of(rows, [](const Format& row) { return row.name == IngestFormat::none; }),
              "each row has a name in figures");

}  // namespace

std::span<const Format> formats() { return rows; }

}  // namespace sluice
