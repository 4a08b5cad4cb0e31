// HttpParser: request bytes in, one event at a time out. llhttp splits lines, tokens and chunks, strictly. What decides
// where a request ends and what it is for is read here, so that it has one reading: the request line's blanks and
// version, Content-Length, Transfer-Encoding, Connection, Host and the target (framing.hpp, target.hpp). llhttp's own
// reading of these headers is switched off, because it takes no tab for a blank (RFC 9110 section 5.6.3).
//
// Holds the parsing state of one connection. What a request's head says is written into a RequestHead that the
// caller lends from its first byte to its last, so that an idle connection holds none. Knows no clock, no socket
// and no endpoint. One owner thread.
//
// Refused here, as refusal.hpp names it: framing that two readers could see differently (Content-Length with
// Transfer-Encoding, several Content-Lengths, bare LF, obs-fold, space before the colon, NUL, more than one space in
// the request line), unknown transfer codings, other major versions than 1, unknown methods, missing and repeated Host,
// and what passes the limits. docs/http.md has the whole list.
//
// Bytes are counted where they arrive: all bytes of a request but the data of its body count against
// limits::request_head_bytes_max. Where a limit is passed is the same however the bytes are cut.
#pragma once

#include <llhttp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "parsers/http/method.hpp"
#include "parsers/http/request_headers.hpp"
#include "parsers/http/text.hpp"

namespace sluice::parsers {

// What the head of one request says. Reused; clear() before each request.
struct RequestHead {
    // Of a header that request_headers.hpp names.
    struct Value {
        std::uint16_t offset;  // in `text`
        std::uint16_t bytes;
        std::uint8_t count;  // how often it was given; saturates
    };

    Method method;  // from the first byte of the target on
    bool is_http_1_0;  // else 1.1, or a later minor version, which is treated as 1.1 (RFC 9110 section 2.5)
    bool keeps_alive;
    bool expects_continue;  // Expect: 100-continue, RFC 9110 section 10.1.1
    std::uint64_t content_length;
    std::uint16_t headers_count;
    std::uint16_t target_bytes;
    std::uint16_t text_bytes;  // of `text`, so far
    std::uint16_t name_bytes;  // of the header line that is being read
    std::uint8_t row_index;  // of the header line that is being read, in request_headers; or no_row
    std::array<Value, request_headers_kept_count> values;
    char name[request_header_name_bytes_max + 1];  // longer names are none that we know
    // The target, then the values as they came. Each of its bytes was one of the head, so the head's limit bounds it.
    char text[limits::request_head_bytes_max];

    void clear();
    [[nodiscard]] std::string_view target_view() const { return {text, target_bytes}; }
    // Of a head that may be cut: the path was read to its end. Either the request line was, or the query has begun.
    [[nodiscard]] bool has_path() const { return text_bytes != 0 || target_view().find('?') != std::string_view::npos; }
    // Without OWS around it; empty if absent.
    [[nodiscard]] std::string_view header(RequestHeader header) const {
        return {text + value(header).offset, value(header).bytes};
    }
    [[nodiscard]] const Value& value(RequestHeader header) const { return values[static_cast<std::size_t>(header)]; }
    [[nodiscard]] bool has(RequestHeader header) const { return value(header).count != 0; }
};
static_assert(limits::request_head_bytes_max <= 0xffff, "offsets have 16 bits");

// Receives a body as it is read from the stream: each span lies in the bytes given to parse().
class BodyReceiver {
  public:
    // Why the request must be refused (too large, no memory); nothing if the bytes were taken.
    [[nodiscard]] virtual std::optional<Refusal> on_body(std::span<const char> bytes) = 0;

  protected:
    ~BodyReceiver() = default;
};

class HttpParser {
  public:
    enum class Event : std::uint8_t {
        need_more,  // all bytes were read; the request is not complete
        head,  // the head of a request that expects 100-continue is complete
        complete,  // a request is complete; the bytes behind it are untouched
        refused,  // the stream can no longer be trusted: refusal()
    };
    struct Result {
        Event event;
        std::size_t consumed_bytes;
    };

    void start(std::uint64_t body_bytes_max);

    // Reads until an event. `head` must be the same from a request's first byte to its last.
    [[nodiscard]] Result parse(std::span<const char> bytes, RequestHead& head, BodyReceiver& body);

    // True from the first byte of a request line to the last one of the request.
    [[nodiscard]] bool is_in_request() const { return stage_ != Stage::idle; }
    [[nodiscard]] bool is_in_body() const { return stage_ == Stage::body; }
    [[nodiscard]] Refusal refusal() const { return refusal_; }

  private:
    enum class Stage : std::uint8_t { idle, request_line, unknown_method, version, headers, body };
    struct Callbacks;
    friend struct Callbacks;

    [[nodiscard]] const char* read(std::span<const char> bytes);
    void end_target(const char* end);
    int refuse(Refusal refusal);
    // The same, decided by the byte at `at`: whether the limit was passed before is asked there.
    int refuse_at(const char* at, Refusal refusal);
    int refuse_too_large();

    // --- counting -------------------------------------------------------------------------------------
    // Bytes of the request before `end` that are not data of its body.
    [[nodiscard]] std::uint64_t framing_bytes(const char* end) const {
        return framing_bytes_ + static_cast<std::uint64_t>(end - counted_to_);
    }
    [[nodiscard]] bool has_room(const char* end) const { return framing_bytes(end) <= framing_bytes_max_; }
    void count_to(const char* end) {
        framing_bytes_ = framing_bytes(end);
        counted_to_ = end;
    }

    // --- the request line -----------------------------------------------------------------------------
    [[nodiscard]] std::size_t begin_request(std::span<const char> bytes);
    [[nodiscard]] const char* read_unknown_method(std::span<const char> bytes);
    [[nodiscard]] std::optional<Refusal> fault_of_begin_of_target(const char* at) const;
    void note_protocol(const char* end);
    [[nodiscard]] std::optional<Refusal> fault_of_version() const;

    // --- header values --------------------------------------------------------------------------------
    [[nodiscard]] bool is_keeping_value() const;
    [[nodiscard]] bool is_framing_header() const;
    void begin_value();
    [[gnu::noinline]] void move_to_end(RequestHead::Value& value);
    void add_to_value(std::string_view bytes);
    void end_value();

    // --- the head -------------------------------------------------------------------------------------
    int on_head_complete();
    void read_connection_header();
    [[nodiscard]] std::optional<Refusal> read_head();
    [[nodiscard]] std::optional<Refusal> read_framing();
    void set_flags(int flags) { parser_.flags = static_cast<std::uint16_t>(parser_.flags | flags); }
    [[nodiscard]] Refusal refusal_of(llhttp_errno_t error) const;

    llhttp_t parser_;
    RequestHead* head_;  // during parse() only
    BodyReceiver* body_;  // during parse() only
    std::uint64_t body_bytes_max_;
    const char* counted_to_;  // during parse() only: what lies before it is in framing_bytes_, or is data
    const char* target_end_;  // during parse() only: of the last piece of the target, or the begin of the bytes
    const char* refused_at_;  // during parse() only: null unless refuse_at() was called
    std::uint64_t framing_bytes_;
    std::uint64_t framing_bytes_max_;
    Stage stage_;
    Event event_;
    bool is_refused_;
    bool begins_chunk_;  // its data come next
    std::uint8_t empty_lines_bytes_;  // CR and LF in front of the request
    std::uint8_t protocol_bytes_;  // of " HTTP/", so far
    Refusal refusal_;
};

}  // namespace sluice::parsers
