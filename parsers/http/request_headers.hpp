// The request headers that the engine reads, once: a header of RequestHeader's table is kept while a head is read, and
// whoever answers the request finds its value by its name here. To read another header, add a row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::parsers {

// What becomes of a header that is given more than once. RFC 9110 section 5.3: only a list may be.
enum class Repeated : std::uint8_t {
    last,  // the last value counts; the count tells that there were several
    list,  // the values are joined with commas
};

// X(name, header, repeated). Names are in lower case. Values are kept whole: limits::request_head_bytes_max bounds them
// all.
#define SLUICE_REQUEST_HEADERS(X)                                                                                      \
    X("host", host, last)                                                                                              \
    X("connection", connection, list)                                                                                  \
    X("content-length", content_length, last)                                                                          \
    X("transfer-encoding", transfer_encoding, list)                                                                    \
    X("expect", expect, list)                                                                                          \
    X("content-type", content_type, last)                                                                              \
    X("content-encoding", content_encoding, list)                                                                      \
    X("idempotency-key", idempotency_key, last)                                                                        \
    X("authorization", authorization, last)                                                                            \
    X("x-api-key", x_api_key, last)                                                                                    \
    X("origin", origin, last)                                                                                          \
    X("sec-fetch-site", sec_fetch_site, last)                                                                          \
    X("user-agent", user_agent, last)                                                                                  \
    X("retry-attempt", retry_attempt, last)                                                                            \
    X("accept", accept, list)                                                                                          \
    X("x-forwarded-for", x_forwarded_for, list)

enum class RequestHeader : std::uint8_t {
#define X(name, header, repeated) header,
    SLUICE_REQUEST_HEADERS(X)
#undef X
};

struct RequestHeaderRow {
    std::string_view name;
    Repeated repeated;
};

inline constexpr std::array request_headers{
#define X(name, header, repeated) RequestHeaderRow{name, Repeated::repeated},
    SLUICE_REQUEST_HEADERS(X)
#undef X
};

inline constexpr std::size_t request_headers_kept_count = request_headers.size();

inline constexpr std::size_t request_header_name_bytes_max = [] {
    std::size_t longest_bytes = 0;
    for (const RequestHeaderRow& row : request_headers)
        longest_bytes = row.name.size() > longest_bytes ? row.name.size() : longest_bytes;
    return longest_bytes;
}();

}  // namespace sluice::parsers
