#include "engine/ingest/request_options.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "engine/core/edit_distance.hpp"
#include "engine/ingest/percent.hpp"
#include "parsers/http/idempotency_key.hpp"

namespace sluice {
namespace {

using parsers::RequestHeader;

std::optional<parsers::Precision> precision_of(std::string_view name, const Format& format) {
    const auto row = std::ranges::find(format.precision_names, name, &PrecisionName::name);
    return row == format.precision_names.end() ? std::nullopt : std::optional(row->precision);
}

constexpr std::array<std::string_view, 2> known_parameters{"ack", "precision"};

// Room for the longest name and the longest value that mean something.
using DecodeBuffer = std::array<char, 16>;
static_assert(std::ranges::all_of(ack_level_names, [](auto name) { return name.size() <= DecodeBuffer{}.size(); }));

// What is malformed or longer than `buffer` stays as it is, and means nothing.
std::string_view decoded(std::string_view text, DecodeBuffer& buffer) {
    if (text.find('%') == std::string_view::npos) return text;
    return percent_decoded(text, buffer).value_or(text);
}

// As they stand in the query.
struct Parameter {
    std::string_view name;
    std::string_view value;
};

Parameter take_parameter(std::string_view& query) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    return {parameter.substr(0, equals), parameter.substr(std::min(equals + 1, parameter.size()))};
}

// Which parameters a query has given so far.
struct Given {
    bool has_ack = false, has_precision = false;
};

std::optional<Refusal> apply_parameter(const Parameter& parameter, const Format& format, Given& given,
                                       RequestOptions& options) {
    DecodeBuffer name_buffer, value_buffer;
    const std::string_view name = decoded(parameter.name, name_buffer);
    const std::string_view value = decoded(parameter.value, value_buffer);
    const bool may_repeat = !format.refuses_unknown_parameters;
    if (name == "ack") {
        if (std::exchange(given.has_ack, true) && !may_repeat) return Refusal::repeated_parameter;
        const auto level = ack_level_of(value);
        if (!level) return Refusal::bad_ack;
        options.ack = *level;
    } else if (name == "precision" && !format.precision_names.empty()) {
        if (std::exchange(given.has_precision, true) && !may_repeat) return Refusal::repeated_parameter;
        const auto precision = precision_of(value, format);
        if (!precision) return format.precision_refusal;
        options.precision = *precision;
    } else if (const auto kept = std::ranges::find(format.kept_parameters, name);
               kept != format.kept_parameters.end()) {
        if (!options.kept.keep(*kept, parameter.value)) return Refusal::bad_kept_parameter;
    } else if (format.refuses_unknown_parameters && !(name.empty() && value.empty())) {  // nothing between two `&`
        return Refusal::unknown_parameter;
    }
    return std::nullopt;
}

std::optional<Refusal> apply_query(std::string_view query, const Format& format, RequestOptions& options) {
    Given given;
    while (!query.empty())  // ends: each turn takes a parameter off the query
        if (const auto refusal = apply_parameter(take_parameter(query), format, given, options)) return refusal;
    return std::nullopt;
}

struct CodingToken {
    std::string_view token;
    ContentCoding coding;
};
// RFC 9110 section 8.4.1; x-gzip means gzip (section 8.4.1.3).
constexpr CodingToken coding_tokens[]{
    {"gzip", ContentCoding::gzip},
    {"zstd", ContentCoding::zstd},
    {"deflate", ContentCoding::deflate},
    {"snappy", ContentCoding::snappy},
    {"x-snappy-framed", ContentCoding::snappy_framed},
    {"x-gzip", ContentCoding::gzip},
    {"identity", ContentCoding::identity},
};

const CodingToken* find_token(std::string_view name) {
    for (const CodingToken& row : coding_tokens)
        if (parsers::equals_ignoring_case(name, row.token)) return &row;
    return nullptr;
}

// One coding at most (RFC 9110 section 8.4 allows several): each can make a body longer, and together they multiply.
std::optional<Refusal> apply_coding(const parsers::RequestHead& head, ContentCodings codings, RequestOptions& options) {
    options.coding = ContentCoding::identity;
    if (!head.has(RequestHeader::content_encoding)) return std::nullopt;
    std::string_view names = head.header(RequestHeader::content_encoding);
    for (std::string_view name = parsers::take_list_element(names); !name.empty();
         name = parsers::take_list_element(names)) {
        const CodingToken* const row = find_token(name);
        if (row == nullptr || !codings.has(row->coding)) return Refusal::unsupported_encoding;
        if (row->coding == ContentCoding::identity) continue;
        if (options.coding != ContentCoding::identity) return Refusal::unsupported_encoding;
        options.coding = row->coding;
    }
    return std::nullopt;
}

// The type/subtype before any parameter (RFC 9110 section 8.3.1).
std::string_view without_parameters(std::string_view value) {
    return parsers::trim_ows_end(value.substr(0, value.find(';')));
}

// Nearly all requests have the first one, without parameters.
bool is_first_type(std::string_view value, const Format& format) {
    return !format.media_types.empty() && parsers::equals_ignoring_case(value, format.media_types.front().name);
}

const MediaType* find_type(std::string_view name, const Format& format) {
    for (const MediaType& type : format.media_types)
        if (parsers::equals_ignoring_case(name, type.name)) return &type;
    return nullptr;
}

// The value of a parameter of a media type (RFC 9110 section 5.6.6), without its quotes; nothing: it is not there.
std::optional<std::string_view> media_type_parameter(std::string_view value, std::string_view name) {
    for (std::size_t at = value.find(';'); at != std::string_view::npos; at = value.find(';')) {
        value.remove_prefix(at + 1);
        const std::string_view parameter = parsers::trim_ows(value.substr(0, value.find(';')));
        const std::size_t equals = std::min(parameter.find('='), parameter.size());
        if (!parsers::equals_ignoring_case(parameter.substr(0, equals), name)) continue;
        std::string_view text = parameter.substr(std::min(equals + 1, parameter.size()));
        if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"')) text = text.substr(1, text.size() - 2);
        return text;
    }
    return std::nullopt;
}

std::optional<Refusal> apply_message(std::string_view value, const Format& format, RequestOptions& options) {
    const auto name = media_type_parameter(value, "proto");
    if (!name) return std::nullopt;  // the media type's own
    const auto row = std::ranges::find_if(format.messages, [&](const MessageName& message) {
        return message.name == *name && message.media_type_dialect == options.dialect;
    });
    if (row == format.messages.end()) return Refusal::unsupported_media_type;
    options.dialect = row->dialect;
    return std::nullopt;
}

std::optional<Refusal> apply_media_type(const parsers::RequestHead& head, const Format& format,
                                        RequestOptions& options) {
    options.dialect = 0;
    if (format.media_types.empty()) return std::nullopt;
    // A single value by RFC 9110 section 8.3: of several, others may read another one.
    if (head.value(RequestHeader::content_type).count > 1) return Refusal::unsupported_media_type;
    const std::string_view value = head.header(RequestHeader::content_type);
    const MediaType* type = find_type(value, format);  // nearly all come without parameters
    if (type == nullptr) {
        const std::string_view name = without_parameters(value);
        type = name.empty() ? &format.media_types.front() : find_type(name, format);
    }
    if (type == nullptr) return Refusal::unsupported_media_type;
    options.dialect = type->dialect;
    return format.messages.empty() ? std::nullopt : apply_message(value, format, options);
}

std::optional<Refusal> apply_idempotency_key(const parsers::RequestHead& head, RequestOptions& options) {
    const parsers::RequestHead::Value& value = head.value(RequestHeader::idempotency_key);
    if (value.count == 0) return std::nullopt;
    const auto key =
        parsers::read_idempotency_key(head.header(RequestHeader::idempotency_key), options.idempotency_key_text);
    if (!key || value.count > 1) return Refusal::bad_idempotency_key;
    options.idempotency_key_bytes = static_cast<std::uint8_t>(key->size());
    return std::nullopt;
}

// What the shape of an error needs.
std::optional<Refusal> apply_answer_options(const parsers::RequestHead& head, const Format& format,
                                            RequestOptions& options) {
    const std::string_view misreader = format.misreads_retry_after;
    options.hides_retry_after = !misreader.empty() && head.header(RequestHeader::user_agent).starts_with(misreader);
    return apply_media_type(head, format, options);
}

std::optional<Refusal> apply_head(const parsers::RequestHead& head, const Format& format, ContentCodings codings,
                                  RequestOptions& options) {
    // First, since a refusal for the coding has the encoding of the media type.
    const auto media_type_refusal = apply_answer_options(head, format, options);
    if (const auto refusal = apply_coding(head, codings, options)) return refusal;
    if (media_type_refusal) return media_type_refusal;
    return apply_idempotency_key(head, options);
}

// RFC 9110 section 12.5.1. Of several the client's preference is not looked at, but for 0: not that one.
bool accepts(const parsers::RequestHead& head, std::string_view media_type) {
    std::string_view list = head.header(RequestHeader::accept);
    for (std::string_view element = parsers::take_list_element(list); !element.empty();
         element = parsers::take_list_element(list)) {
        if (!parsers::equals_ignoring_case(without_parameters(element), media_type)) continue;
        return media_type_parameter(element, "q").value_or("1").find_first_not_of("0.") != std::string_view::npos;
    }
    return false;
}

}  // namespace

bool is_for_next_format(const http::Request& request, const Format& format) {
    if (!format.next_accept.empty()) return accepts(request.head, format.next_accept);
    if (format.next_media_types.empty()) return false;
    const std::string_view value = request.head.header(RequestHeader::content_type);
    if (is_first_type(value, format)) return false;
    const std::string_view name = without_parameters(value);
    return std::ranges::any_of(format.next_media_types,
                               [name](std::string_view type) { return parsers::equals_ignoring_case(name, type); });
}

std::optional<Refusal> read_options(const http::Request& request, const Format& format, const AckOffer& offer,
                                    ContentCodings codings, RequestOptions& options) {
    options.ack = offer.preset;
    options.precision = format.precision;
    options.idempotency_key_bytes = 0;
    options.kept.clear();
    if (const auto refusal = apply_head(request.head, format, codings, options)) return refusal;
    if (const auto refusal = apply_query(request.query, format, options)) return refusal;
    const auto level = offer.resolve(options.ack);
    if (!level) return Refusal::ack_unavailable;
    options.ack = *level;
    options.promised_ack = offer.promised(*level);
    return std::nullopt;
}

void read_answer_options(const parsers::RequestHead& head, const Format& format, RequestOptions& options) {
    static_cast<void>(apply_answer_options(head, format, options));
}

std::string_view nearest_parameter(std::string_view query) {
    while (!query.empty()) {  // ends: each turn takes a parameter off the query
        DecodeBuffer buffer;
        const std::string_view name = decoded(take_parameter(query).name, buffer);
        if (std::ranges::find(known_parameters, name) != known_parameters.end()) continue;
        const auto distance = [name](std::string_view known) { return edit_distance(name, known); };
        const std::string_view nearest = *std::ranges::min_element(known_parameters, {}, distance);
        return 2 * distance(nearest) < nearest.size() ? nearest : std::string_view{};
    }
    return {};
}

}  // namespace sluice
