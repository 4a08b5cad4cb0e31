// What a request to POST /telemetry asks for, from its query and its head.
#pragma once

#include <expected>
#include <string_view>

#include "engine/core/ack.hpp"
#include "engine/core/refusal.hpp"
#include "engine/http/application.hpp"
#include "parsers/json/json_decoder.hpp"

namespace sluice::http {

struct TelemetryOptions {
    AckLevel ack;
    parsers::Precision precision = parsers::Precision::by_magnitude;
    parsers::BodyFormat format = parsers::BodyFormat::json;
};

// Reads `?ack=` and `?precision=`; other parameters are ignored, of repeated ones the last counts. A body without
// Content-Type is taken as JSON.
[[nodiscard]] std::expected<TelemetryOptions, Refusal> telemetry_options(const Request& request, const AckOffer& offer);

}  // namespace sluice::http
