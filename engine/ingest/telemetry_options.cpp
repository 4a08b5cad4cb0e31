#include "engine/ingest/telemetry_options.hpp"

#include <optional>

namespace sluice::http {
namespace {

std::optional<parsers::Precision> precision_of(std::string_view name) {
    using parsers::Precision;
    if (name == "s") return Precision::s;
    if (name == "ms") return Precision::ms;
    if (name == "us") return Precision::us;
    if (name == "ns") return Precision::ns;
    return std::nullopt;
}

std::optional<Refusal> apply_parameter(std::string_view name, std::string_view value, TelemetryOptions& options) {
    if (name == "ack") {
        const auto level = ack_level_of(value);
        if (!level) return Refusal::bad_ack;
        options.ack = *level;
    } else if (name == "precision") {
        const auto precision = precision_of(value);
        if (!precision) return Refusal::bad_precision;
        options.precision = *precision;
    }
    return std::nullopt;
}

}  // namespace

std::expected<TelemetryOptions, Refusal> telemetry_options(const Request& request, const AckOffer& offer) {
    TelemetryOptions options{offer.preset};
    if (request.head.has_content_encoding) return std::unexpected(Refusal::unsupported_encoding);
    if (request.head.media_type == parsers::MediaType::other) return std::unexpected(Refusal::unsupported_media_type);
    if (request.head.media_type == parsers::MediaType::ndjson) options.format = parsers::BodyFormat::ndjson;
    if (request.head.has_bad_idempotency_key) return std::unexpected(Refusal::bad_idempotency_key);
    std::string_view query = request.query;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view parameter = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const std::size_t equals = std::min(parameter.find('='), parameter.size());
        const std::string_view value = equals < parameter.size() ? parameter.substr(equals + 1) : std::string_view{};
        if (const auto refusal = apply_parameter(parameter.substr(0, equals), value, options))
            return std::unexpected(*refusal);
    }
    const auto level = offer.resolve(options.ack);
    if (!level) return std::unexpected(Refusal::ack_unavailable);
    options.ack = *level;
    return options;
}

}  // namespace sluice::http
