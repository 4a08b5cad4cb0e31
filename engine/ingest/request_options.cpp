#include "engine/ingest/request_options.hpp"

#include <algorithm>
#include <optional>

#include "parsers/http/idempotency_key.hpp"

namespace sluice {
namespace {

using parsers::RequestHeader;

std::optional<parsers::Precision> precision_of(std::string_view name) {
    using parsers::Precision;
    if (name == "s") return Precision::s;
    if (name == "ms") return Precision::ms;
    if (name == "us") return Precision::us;
    if (name == "ns") return Precision::ns;
    return std::nullopt;
}

std::optional<Refusal> apply_parameter(std::string_view name, std::string_view value, RequestOptions& options) {
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

std::optional<Refusal> apply_query(std::string_view query, RequestOptions& options) {
    while (!query.empty()) {  // ends: each turn takes a parameter off the query
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view parameter = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const std::size_t equals = std::min(parameter.find('='), parameter.size());
        const std::string_view value = equals < parameter.size() ? parameter.substr(equals + 1) : std::string_view{};
        if (const auto refusal = apply_parameter(parameter.substr(0, equals), value, options)) return refusal;
    }
    return std::nullopt;
}

// Another content coding than identity (RFC 9110 section 8.4).
bool is_encoded(const parsers::RequestHead& head) {
    if (!head.has(RequestHeader::content_encoding)) return false;
    std::string_view codings = head.header(RequestHeader::content_encoding);
    for (std::string_view coding = parsers::take_list_element(codings); !coding.empty();
         coding = parsers::take_list_element(codings))
        if (!parsers::equals_ignoring_case(coding, "identity")) return true;
    return head.value(RequestHeader::content_encoding).is_cut;
}

// The type/subtype before any parameter (RFC 9110 section 8.3.1).
std::string_view without_parameters(std::string_view value) {
    value = value.substr(0, value.find(';'));
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    return value;
}

const MediaType* find_type(std::string_view name, const Format& format) {
    for (const MediaType& type : format.media_types)
        if (parsers::equals_ignoring_case(name, type.name)) return &type;
    return nullptr;
}

std::optional<Refusal> apply_media_type(const parsers::RequestHead& head, const Format& format,
                                        RequestOptions& options) {
    const std::string_view value = head.header(RequestHeader::content_type);
    const MediaType* type = find_type(value, format);  // nearly all come without parameters
    if (type == nullptr) {
        const std::string_view name = without_parameters(value);
        type = name.empty() ? &format.media_types.front() : find_type(name, format);
    }
    // A parameter may be cut, the name of the type not.
    const bool is_cut = head.value(RequestHeader::content_type).is_cut && value.find(';') == value.npos;
    if (type == nullptr || is_cut) return Refusal::unsupported_media_type;
    options.dialect = type->dialect;
    return std::nullopt;
}

std::optional<Refusal> apply_idempotency_key(const parsers::RequestHead& head, RequestOptions& options) {
    const parsers::RequestHead::Value& value = head.value(RequestHeader::idempotency_key);
    if (value.count == 0) return std::nullopt;
    const auto key =
        parsers::read_idempotency_key(head.header(RequestHeader::idempotency_key), options.idempotency_key_text);
    if (!key || value.count > 1 || value.is_cut) return Refusal::bad_idempotency_key;
    options.idempotency_key_bytes = static_cast<std::uint8_t>(key->size());
    return std::nullopt;
}

std::optional<Refusal> apply_head(const parsers::RequestHead& head, const Format& format, RequestOptions& options) {
    if (is_encoded(head)) return Refusal::unsupported_encoding;
    if (const auto refusal = apply_media_type(head, format, options)) return refusal;
    return apply_idempotency_key(head, options);
}

}  // namespace

std::optional<Refusal> read_options(const http::Request& request, const Format& format, const AckOffer& offer,
                                    RequestOptions& options) {
    options.ack = offer.preset;
    options.precision = format.precision;
    options.idempotency_key_bytes = 0;
    if (const auto refusal = apply_head(request.head, format, options)) return refusal;
    if (const auto refusal = apply_query(request.query, options)) return refusal;
    const auto level = offer.resolve(options.ack);
    if (!level) return Refusal::ack_unavailable;
    options.ack = *level;
    options.promised_ack = offer.promised(*level);
    return std::nullopt;
}

}  // namespace sluice
