// Refusal: every reason for which Sluice refuses a request or a record, and the one table that maps each
// to its HTTP status, its stable code, its sentence, and thereby its counter.
//
// The code is part of the interface: clients may switch on it, so it never changes its meaning. The table
// is exhaustive by construction (one macro row makes enumerator and entry) and is what `/metrics`,
// the error bodies and the table of docs/errors.md are made from.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/core/ack.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/names_number.hpp"

namespace sluice {

// Where a refusal falls: decides whether framing is lost (the connection closes) or the next request may follow.
enum class RefusalScope : std::uint8_t {
    connection,  // the byte stream can no longer be trusted: answer, half-close, close
    request,     // this request is refused whole; the connection goes on
    record,      // one record of a batch is refused; the others are not affected
};

// clang-format off
#define SLUICE_REFUSALS(X)                                                                                                          \
    /* enumerator             scope       status  sentence */                                                                       \
    X(malformed_request_line, connection, 400, "The request line is not valid HTTP/1.x.")                                           \
    X(malformed_header,       connection, 400, "A header line is malformed.")                                                       \
    X(malformed_chunk,        connection, 400, "The chunked body is malformed.")                                                    \
    X(bad_content_length,     connection, 400, "Content-Length is not a single decimal number.")                                    \
    X(conflicting_framing,    connection, 400, "A request must not carry both Content-Length and Transfer-Encoding.")               \
    X(missing_host,           connection, 400, "An HTTP/1.1 request needs exactly one Host header, and this one has none.")         \
    X(duplicate_host,         connection, 400, "An HTTP/1.1 request needs exactly one Host header, and this one has several.")      \
    X(bad_host,               connection, 400, "The Host header is not a valid host.")                                              \
    X(bad_target,             connection, 400, "The request target must be a path, an http URI with a host and no user, or * with OPTIONS; % stands before two hexadecimal digits.") \
    X(bad_transfer_encoding,  connection, 400, "The last transfer coding must be chunked, and chunked must be given once.")         \
    X(header_timeout,         connection, 408, "The request header took too long to arrive.")                                       \
    X(body_timeout,           connection, 408, "The request body took too long to arrive.")                                         \
    X(body_too_large,         connection, 413, "The request body is larger than this server accepts.")                              \
    X(target_too_long,        connection, 414, "The request target is longer than this server accepts.")                            \
    X(headers_too_large,      connection, 431, "The headers, chunk sizes, chunk extensions and trailers are larger than this server accepts.") \
    X(unknown_transfer_coding,connection, 501, "The only transfer coding understood is chunked.")                                   \
    X(method_not_implemented, connection, 501, "The methods understood are GET, HEAD, POST and OPTIONS.")                           \
    X(unsupported_version,    connection, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.")                                       \
    X(expectation_failed,     connection, 417, "The only expectation understood is 100-continue.")                                  \
    X(not_found,              request,    404, "There is no such endpoint.")                                                        \
    X(method_not_allowed,     request,    405, "This endpoint does not take this method.")                                          \
    X(unauthorized,           request,    401, "The request needs a valid token.")                                                  \
    X(forbidden,              request,    403, "The token does not allow this request.")                                            \
    X(cross_origin,           request,    403, "A page of another site must not change the engine.")                                 \
    X(quota_exceeded,         request,    429, "The quota of the tenant, or of the address, is used up; retry later.")                \
    X(credential_too_long,    request,    431, "Authorization and X-Api-Key may have 1024 bytes at most.")                            \
    X(unsupported_media_type, request,    415, "This Content-Type is not taken here; Accept of this answer names those that are.")                                    \
    X(unsupported_encoding,   request,    415, "This Content-Encoding is not accepted. Accept-Encoding of this answer names those that are; a body has one at most.") \
    X(invalid_compression,    request,    400, "The body is not what its Content-Encoding says: it is damaged or cut off, or bytes stand behind its end.") \
    X(compression_bomb,       request,    400, "The decompressed body would be longer than http.compression_ratio_max allows for its size.") \
    X(bad_ack,                request,    400, "ack must be one of queued, journaled, stored, replicated.")                         \
    X(ack_unavailable,        request,    400, "The level is not offered: journaled needs a journal, replicated needs replicas and no journal.") \
    X(bad_precision,          request,    400, "precision must be one of s, ms, us, ns.")                                           \
    X(bad_line_precision,     request,    400, "precision must be one of n, ns, u, us, ms, s; of /write also m, h.")                \
    X(unknown_parameter,      request,    400, "The query has a parameter that is not known; ack and precision are.")               \
    X(bad_kept_parameter,     request,    400, "db, rp, bucket and org have at most 128 bytes of UTF-8 without control characters.") \
    X(repeated_parameter,     request,    400, "A parameter of the query is given twice.")                                          \
    X(bad_idempotency_key,    request,    400, "Idempotency-Key must be one string of 1 to 128 bytes of ASCII, quoted or bare.")         \
    X(idempotency_unavailable,request,    400, "This engine remembers no idempotency keys, so it cannot promise to store once.")       \
    X(idempotency_in_progress,request,    409, "The first request with this Idempotency-Key is still being handled; retry later.")      \
    X(idempotency_mismatch,   request,    422, "This Idempotency-Key was used for another request.")                                    \
    X(idempotency_full,       request,    503, "As many Idempotency-Keys as are remembered belong to requests under way; retry later.") \
    X(not_paused,             request,    400, "Cannot reset while measuring. Stop gateway first.")                                 \
    X(empty_body,             request,    400, "Empty request body")                                                                \
    X(invalid_json,           request,    400, "The body is not valid JSON.")                                                       \
    X(invalid_protobuf,       request,    400, "The body is not the Protocol Buffers message that its Content-Type names.")          \
    X(wrong_json_type,        request,    400, "A member of the JSON is of another type than the message has there.")                  \
    X(unsupported_signal,     request,    404, "Of OpenTelemetry only metrics are taken, at /v1/metrics.")                             \
    X(several_values,         request,    400, "The body holds several JSON values: send an array, or NDJSON as application/x-ndjson (curl: --data-binary, because -d removes line ends).") \
    X(invalid_utf8,           request,    400, "The body is not valid UTF-8.")                                                      \
    X(json_too_deep,          request,    400, "The JSON is nested more than 32 levels deep.")                                      \
    X(no_samples,             request,    400, "The body holds no sample.")                                                         \
    X(all_records_refused,    request,    400, "Every record was refused.")                                                         \
    X(overloaded,             request,    503, "The engine's buffers are full; retry later.")                                       \
    X(too_many_batches,       request,    413, "The samples of one request need more batches than there are; send fewer at once.")       \
    X(body_memory_full,       connection, 503, "The memory for request bodies is used up; retry later.")                            \
    X(paused,                 request,    503, "Telemetry is paused; retry later.")                                                 \
    X(draining,               connection, 503, "The engine is shutting down.")                                                      \
    X(not_ready,              request,    503, "The engine cannot deliver now.")                                         \
    X(ack_timeout,            request,    503, "The sink did not confirm in time; the samples may be stored nevertheless.")         \
    X(sink_busy,              request,    503, "The sink refused for now; retry later.")                                            \
    X(sink_refused,           request,    503, "The sink refused; an operator must act.")                                     \
    X(sink_unavailable,       request,    503, "The sink is away or refuses, so nothing can be stored now; retry later.")                    \
    X(not_replicated,         request,    503, "Too few replicas confirmed in time, or WAIT is not allowed; the samples may be stored.") \
    X(redis_memory,           request,    503, "Redis is running out of memory; retry later.")                                              \
    X(stream_full,            request,    503, "The stream holds as many entries as it may; retry later.")                              \
    X(consumers_behind,       request,    503, "The consumers of the stream are too far behind; retry later.")                          \
    X(admin_timeout,          request,    503, "The engine did not answer the admin thread in time.")                               \
    X(not_an_object,          record,     400, "A sample must be a JSON object.")                                                   \
    X(duplicate_member,       record,     400, "A member occurs twice.")                                                            \
    X(too_many_members,       record,     400, "An object has more than 64 members.")                                               \
    X(sample_too_large,       record,     400, "A sample is larger than 16 KiB.")                                                   \
    X(missing_device_id,      record,     400, "A sample needs device_id.")                                                         \
    X(bad_device_id,          record,     400, "device_id must be a string of 1 to 128 bytes without control characters.")          \
    X(missing_value,          record,     400, "A sample needs type and value, or values.")                                         \
    X(ambiguous_value,        record,     400, "A sample has either value or values, not both.")                          \
    X(bad_type,               record,     400, "type must be a string of 1 to 128 bytes without control characters.")               \
    X(bad_value,              record,     400, "value must be a finite number, a boolean or a string.")                             \
    X(bad_unit,               record,     400, "unit must be a string of at most 64 bytes without control characters.")             \
    X(bad_values,             record,     400, "values must be an object of at least one number, boolean or string.")               \
    X(bad_timestamp,          record,     400, "timestamp must be an epoch number, or YYYY-MM-DDThh:mm:ss of a day that exists, with hours to 23, an optional fraction and Z or an offset such as +01:00, between 1970 and 2262.") \
    X(bad_priority,           record,     400, "priority must be LOW, MEDIUM or HIGH.")                                             \
    X(bad_metadata,           record,     400, "metadata must be an object.")                                                       \
    X(number_out_of_range,    record,     400, "A number is out of range.")                                                         \
    X(too_many_values,        record,     400, "A sample has more than 1024 values.")                                               \
    X(malformed_line,         record,     400, "The line is not valid UTF-8.")                                                      \
    X(bad_measurement,        record,     400, "The measurement must have 1 to 128 bytes, no control characters and no backslash at its end.") \
    X(bad_tag,                record,     400, "A tag must be key=value, neither empty, without control characters or a backslash at an end.") \
    X(missing_fields,         record,     400, "The line has no field: after the measurement and its tags comes a space, then key=value.") \
    X(bad_field,              record,     400, "A field must be key=value, with a key that has no control characters and no backslash at its end.") \
    X(bad_field_value,        record,     400, "A field value must be a number, an integer with i or u behind it, t, f, true, false, or a string in double quotes.") \
    X(unclosed_string,        record,     400, "A string has no closing quote.")                                                    \
    X(bad_line_timestamp,     record,     400, "The timestamp must be a whole number of the precision, between 1970 and 2262.")      \
    X(missing_name,           record,     400, "A series needs the label __name__.")                                                \
    X(bad_label,              record,     400, "A label must have a name, and be valid UTF-8.")                                     \
    X(bad_symbol,             record,     400, "The labels of a series must be pairs of references into the table of symbols.")      \
    X(mixed_series,           record,     400, "A series has samples or histograms, not both.")                                     \
    X(malformed_message,      record,     400, "The record is no TelemetrySample, or a text of it is not valid UTF-8.")               \
    X(bad_attribute,          record,     400, "Attributes, the names of scopes and their versions must be valid UTF-8.")             \
    X(missing_number,         record,     400, "The data point has no value.")                                                        \
    X(enum_by_name,           record,     400, "OTLP as JSON has enums as numbers: aggregationTemporality is 1 (delta) or 2 (cumulative).")   \
    X(bad_quantile,           record,     400, "The quantiles of a summary must lie between 0 and 1, and go up.")                     \
    X(bad_histogram,          record,     400, "The buckets of a histogram do not fit its counts, or its bounds do not go up.")                                  \
    X(bad_value_list,         record,     400, "A value list must be valid JSON, with plugin, type, and values that are numbers or null and as many as its dsnames.") \
    X(type_not_allowed,       record,     400, "The tenant may not send samples of this type.")                                       \
    X(missing_member,         record,     400, "A sample lacks a member that the tenant must send.")                                  \
    X(value_out_of_range,     record,     400, "A value is outside the range that the tenant has for its type.")                       \
    X(timestamp_too_old,      record,     400, "The timestamp lies further back than timestamp_past_max allows.")                     \
    X(timestamp_too_new,      record,     400, "The timestamp lies further ahead than timestamp_future_max allows.")                  \
    X(malformed_record,       record,     400, "The line is not valid JSON.")                                                      \
    X(several_values_in_line, record,     400, "The line holds several JSON values: each needs a line of its own (curl: --data-binary, because -d removes line ends).")
// clang-format on

enum class Refusal : std::uint8_t {
#define X(name, scope, status, sentence) name,
    SLUICE_REFUSALS(X)
#undef X
};

struct RefusalInfo {
    std::string_view code;      // stable, [a-z0-9_]+
    RefusalScope scope;
    int status;                 // HTTP status of the answer
    std::string_view sentence;  // one sentence, safe inside a JSON string without escaping
};

inline constexpr std::array refusal_table{
#define X(name, scope, status, sentence) RefusalInfo{#name, RefusalScope::scope, status, sentence},
    SLUICE_REFUSALS(X)
#undef X
};

inline constexpr std::size_t refusals_count = refusal_table.size();

[[nodiscard]] constexpr const RefusalInfo& info_of(Refusal refusal) {
    return refusal_table[static_cast<std::size_t>(refusal)];
}

// A fault of the text, not of what it says (docs/json.md). Where it lies is told.
[[nodiscard]] constexpr bool is_fault_of_text(Refusal refusal) {
    switch (refusal) {
        case Refusal::invalid_json:
        case Refusal::several_values:
        case Refusal::invalid_utf8:
        case Refusal::json_too_deep:
        case Refusal::malformed_record:
        case Refusal::several_values_in_line: return true;
        default: return false;
    }
}

// The numbers in the sentences are the limits.
[[nodiscard]] constexpr bool says(Refusal refusal, std::uint64_t limit) {
    return names_number(info_of(refusal).sentence, limit);
}
static_assert(std::ranges::all_of(ack_level_names, [](std::string_view name) {
    return info_of(Refusal::bad_ack).sentence.find(name) != std::string_view::npos;
}));
static_assert(says(Refusal::bad_idempotency_key, limits::idempotency_key_bytes_max));
static_assert(says(Refusal::credential_too_long, limits::credential_header_bytes_max));
static_assert(says(Refusal::json_too_deep, limits::json_depth_max));
static_assert(says(Refusal::too_many_members, limits::members_count_max));
static_assert(says(Refusal::too_many_values, limits::values_count_max));
static_assert(says(Refusal::bad_measurement, limits::type_bytes_max));
static_assert(says(Refusal::sample_too_large, limits::sample_bytes_max / limits::kib));
static_assert(says(Refusal::bad_device_id, limits::device_id_bytes_max));
static_assert(says(Refusal::bad_type, limits::type_bytes_max));
static_assert(says(Refusal::bad_unit, limits::unit_bytes_max));

}  // namespace sluice
