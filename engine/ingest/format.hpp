// Format: how the requests of one protocol are read and answered. One row of formats(); to take another protocol, add a
// row.
//
// A row is constant. Each reactor makes two decoders of it: one for short bodies, one for long ones (Ingest).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "engine/core/ingest_format.hpp"
#include "engine/core/sample_mapping.hpp"
#include "engine/http/response.hpp"
#include "engine/ingest/ingest_result.hpp"
#include "engine/ingest/request_refusal.hpp"
#include "parsers/decoder.hpp"

namespace sluice {

// Each answer to a request of which something was taken says the level: `Sluice-Ack: stored`.
inline constexpr std::string_view ack_header_name = "Sluice-Ack";

// RFC 6750 section 3; RFC 7617 section 2: some clients of InfluxDB send what they have only when they are asked so.
inline constexpr std::string_view bearer_challenge = "Bearer realm=\"sluice\"";
inline constexpr std::string_view basic_challenge = "Basic realm=\"sluice\"";

struct MediaType {
    std::string_view name;  // type/subtype, in lower case
    parsers::Dialect dialect;  // how the decoder reads a body of this type
};

// Where the media type is not enough: its parameter proto= names the message.
struct MessageName {
    std::string_view name;
    parsers::Dialect media_type_dialect;  // of the media type that it may stand beside
    parsers::Dialect dialect;
};

struct PrecisionName {
    std::string_view name;  // value of ?precision=
    parsers::Precision precision;
};

struct Format {
    IngestFormat name;  // in figures
    std::span<const std::string_view> paths;
    // The first is meant where a request has no Content-Type. None: Content-Type is not looked at.
    std::span<const MediaType> media_types{};
    // What the next format of the table reads, at the paths of this one.
    std::span<const std::string_view> next_media_types{};
    // The next format of the table answers requests whose Accept names this media type. Empty: none.
    std::string_view next_accept{};
    // What Content-Type may name by its parameter proto=, instead of the media type's own dialect; others are refused.
    // None: it is not looked at.
    std::span<const MessageName> messages{};
    std::unique_ptr<parsers::Decoder> (*make_decoder)(const SampleMapping& mapping);
    parsers::Precision precision;  // of timestamps, where the request does not say
    std::span<const PrecisionName> precision_names{};  // none: it is no parameter of this format
    Refusal precision_refusal = Refusal::bad_precision;  // of other names
    std::string_view accept{};  // value of Accept, with a 415
    // Of each request: the path is known, and takes nothing. make_decoder is not called then.
    std::optional<Refusal> refusal{};
    // Of the query; they become members of the samples. At most KeptParameters::count_max names.
    std::span<const std::string_view> kept_parameters{};
    // Clients whose User-Agent begins so take Retry-After for something else: they are told none. Empty: no such
    // client.
    std::string_view misreads_retry_after{};
    // Value of WWW-Authenticate, with a 401.
    std::string_view challenge = bearer_challenge;
    bool takes_query_token = false;  // ?u=&p=, where tokens are needed
    bool drops_on_429 = false;  // clients throw away what they sent: a quota that is used up is 503
    // Clients throw away what they sent if the answer is 4xx: what may be sent again is 503 here, where others are told
    // 408 or 409.
    bool drops_on_4xx = false;
    bool counts_retries = false;  // a client says by the header Retry-Attempt that it sends a request again
    bool refuses_unknown_parameters = false;  // of the query; else they are ignored
    bool may_be_empty = false;  // a body without a record is answered like one whose records were taken
    bool quotes_lines = false;  // answer() needs IngestResult::first_fault
    bool tells_kinds = false;  // answer() needs IngestResult::kinds

    // The answer to a request of which something was accepted, or each record was refused by itself.
    void (*answer)(const IngestResult& result, http::Response& response, http::BlockPool& blocks);
    // The answer to a request that was refused as a whole: the protocol's shape of an error.
    void (*refuse)(const RequestRefusal& refusal, http::Response& response, http::BlockPool& blocks);
};

// All of them. Any thread.
[[nodiscard]] std::span<const Format> formats();

}  // namespace sluice
