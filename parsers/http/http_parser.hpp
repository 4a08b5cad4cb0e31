// HttpParser: request bytes in, one event at a time out. llhttp, strict: no lenient flag is ever set.
//
// Holds the parsing state of one connection. What a request's head says is written into a RequestHead that the
// caller lends from its first byte to its last, so that an idle connection holds none. Knows no clock, no socket
// and no endpoint.
//
// Refused here, as refusal.hpp names it: framing that two readers could see differently (Content-Length with
// Transfer-Encoding, several Content-Lengths, bare LF, obs-fold, space before the colon, NUL), unknown transfer
// codings, other versions than 1.0 and 1.1, missing and repeated Host, and what passes the limits.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"

namespace sluice::parsers {

enum class Method : std::uint8_t { get, head, post, other };

enum class MediaType : std::uint8_t { none, json, ndjson, other };

// What the head of one request says. Reused; clear() before each request.
struct RequestHead {
    Method method;
    MediaType media_type;
    bool is_http_1_0;
    bool keep_alive;
    bool expects_continue;       // Expect: 100-continue, RFC 9110 section 10.1.1
    bool has_content_encoding;   // other than identity
    bool has_content_length;
    bool has_transfer_encoding;
    bool has_unknown_coding;     // a transfer coding other than exactly `chunked`
    bool has_other_expectation;
    bool has_bad_host;
    bool has_bad_idempotency_key;       // unreadable, or given twice
    std::uint8_t idempotency_key_bytes;  // 0: none
    std::uint8_t host_count;     // saturates
    std::uint64_t content_length;
    std::uint32_t header_bytes;  // names and values so far
    std::uint16_t headers_count;
    std::uint16_t target_bytes;
    std::uint16_t name_bytes;    // of the header line that is being read
    std::uint16_t value_bytes;
    std::uint8_t header;         // which known header it is
    char target[limits::request_target_bytes_max];
    char name[32];               // longer names are none that we know
    char value[192];             // of known headers only; longer values are cut, and match nothing
    char idempotency_key[limits::idempotency_key_bytes_max];

    void clear();
    [[nodiscard]] std::string_view target_view() const { return {target, target_bytes}; }
    [[nodiscard]] std::string_view idempotency_key_view() const { return {idempotency_key, idempotency_key_bytes}; }
};

// Receives a body as it is read from the stream: each span lies in the bytes given to parse().
class BodyReceiver {
  public:
    // False: refuse the request (too large, no memory); `refusal` says why.
    virtual bool on_body(std::span<const char> bytes, Refusal& refusal) = 0;

  protected:
    ~BodyReceiver() = default;
};

class HttpParser {
  public:
    enum class Event : std::uint8_t {
        need_more,  // all bytes were read; the request is not complete
        head,       // the head of a request that expects 100-continue is complete
        complete,   // a request is complete; the bytes behind it are untouched
        refused,    // the stream can no longer be trusted: refusal()
    };
    struct Result {
        Event event;
        std::size_t consumed_bytes;
    };

    void start(std::uint64_t body_bytes_max);

    // Reads until an event. `head` must be the same from a request's first byte to its last.
    [[nodiscard]] Result parse(std::span<const char> bytes, RequestHead& head, BodyReceiver& body);

    // True from the first byte of a request to its last.
    [[nodiscard]] bool is_in_request() const { return stage_ != Stage::idle; }
    [[nodiscard]] bool is_in_body() const { return stage_ == Stage::body; }
    [[nodiscard]] Refusal refusal() const { return refusal_; }

  private:
    enum class Stage : std::uint8_t { idle, request_line, headers, body };
    struct Callbacks;
    friend struct Callbacks;

    int refuse(Refusal refusal);
    int on_head_complete();
    void apply_header();
    [[nodiscard]] Refusal refusal_of(llhttp_errno_t error) const;

    llhttp_t parser_;
    RequestHead* head_;     // during parse() only
    BodyReceiver* body_;    // during parse() only
    std::uint64_t body_bytes_max_;
    Stage stage_;
    Event event_;
    bool is_refused_;
    Refusal refusal_;
};

}  // namespace sluice::parsers
