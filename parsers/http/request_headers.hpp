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
    count,  // no value is kept: llhttp has read it
};

// X(name, header, repeated, bytes_max). Names are in lower case. Of a value, bytes_max are kept at most, each in a
// place of its own, so that a long one takes no room from another: a token of 1 KiB in Authorization, a key of
// limits::idempotency_key_bytes_max with every character escaped.
#define SLUICE_REQUEST_HEADERS(X)                                                                                      \
    X("host", host, last, 512)                                                                                         \
    X("content-length", content_length, count, 0)                                                                      \
    X("transfer-encoding", transfer_encoding, list, 128)                                                               \
    X("expect", expect, list, 128)                                                                                     \
    X("content-type", content_type, last, 256)                                                                         \
    X("content-encoding", content_encoding, list, 128)                                                                 \
    X("idempotency-key", idempotency_key, last, 512)                                                                   \
    X("authorization", authorization, last, 1280)

enum class RequestHeader : std::uint8_t {
#define X(name, header, repeated, bytes_max) header,
    SLUICE_REQUEST_HEADERS(X)
#undef X
};

struct RequestHeaderRow {
    std::string_view name;
    Repeated repeated;
    std::uint16_t bytes_max;
};

inline constexpr std::array request_headers{
#define X(name, header, repeated, bytes_max) RequestHeaderRow{name, Repeated::repeated, bytes_max},
    SLUICE_REQUEST_HEADERS(X)
#undef X
};

inline constexpr std::size_t request_headers_kept_count = request_headers.size();

// Where the value of each header has its place; the last one is the end of all.
inline constexpr auto request_header_places = [] {
    std::array<std::uint16_t, request_headers_kept_count + 1> places{};
    for (std::size_t row = 0; row < request_headers_kept_count; ++row)
        places[row + 1] = static_cast<std::uint16_t>(places[row] + request_headers[row].bytes_max);
    return places;
}();

inline constexpr std::size_t request_header_name_bytes_max = [] {
    std::size_t longest_bytes = 0;
    for (const RequestHeaderRow& row : request_headers)
        longest_bytes = row.name.size() > longest_bytes ? row.name.size() : longest_bytes;
    return longest_bytes;
}();

}  // namespace sluice::parsers
