// HttpParser: request bytes in, one event at a time out. llhttp, strict: no lenient flag is ever set.
//
// Holds the parsing state of one connection. What a request's head says is written into a RequestHead that the
// caller lends from its first byte to its last, so that an idle connection holds none. Knows no clock, no socket
// and no endpoint. One owner thread.
//
// Refused here, as refusal.hpp names it: framing that two readers could see differently (Content-Length with
// Transfer-Encoding, several Content-Lengths, bare LF, obs-fold, space before the colon, NUL), unknown transfer
// codings, other versions than 1.0 and 1.1, missing and repeated Host, and what passes the limits.
#pragma once

#include <llhttp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "parsers/http/request_headers.hpp"

namespace sluice::parsers {

enum class Method : std::uint8_t { get, head, post, other };

// What the head of one request says. Reused; clear() before each request.
struct RequestHead {
    // Of a header that request_headers.hpp names.
    struct Value {
        std::uint16_t bytes;
        std::uint8_t count;  // how often it was given; saturates
        bool is_cut;         // it was longer than its place
    };

    Method method;
    bool is_http_1_0;
    bool keeps_alive;
    bool expects_continue;       // Expect: 100-continue, RFC 9110 section 10.1.1
    std::uint64_t content_length;
    std::uint32_t header_bytes;  // names and values so far
    std::uint16_t headers_count;
    std::uint16_t target_bytes;
    std::uint16_t name_bytes;    // of the header line that is being read
    std::uint8_t row_index;            // of the header line that is being read, in request_headers; or no_row
    std::array<Value, request_headers_kept_count> values;
    char target[limits::request_target_bytes_max];
    char name[request_header_name_bytes_max + 1];  // longer names are none that we know
    char text[request_header_places.back()];  // values, each in its place

    void clear();
    [[nodiscard]] std::string_view target_view() const { return {target, target_bytes}; }
    // Without white space around it; empty if absent.
    [[nodiscard]] std::string_view header(RequestHeader header) const {
        return {text + request_header_places[static_cast<std::size_t>(header)], value(header).bytes};
    }
    [[nodiscard]] const Value& value(RequestHeader header) const { return values[static_cast<std::size_t>(header)]; }
    [[nodiscard]] bool has(RequestHeader header) const { return value(header).count != 0; }
};

// Compares without regard to ASCII case. `lower_case` has no upper-case letter, and none of its bytes is one that
// differs from another by the case bit alone where `text` may have either (control characters, which llhttp lets into
// no header).
// Eight bytes at a time, with the bit set that tells 'a' from 'A'.
[[nodiscard]] inline bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
    if (text.size() != lower_case.size()) return false;
    constexpr std::uint64_t case_bits = 0x2020202020202020;
    std::uint64_t differing_bits = 0;
    const auto compare_at = [&](std::size_t at) {
        std::uint64_t one, other;
        std::memcpy(&one, text.data() + at, sizeof one);
        std::memcpy(&other, lower_case.data() + at, sizeof other);
        differing_bits |= (one | case_bits) ^ other;
    };
    if (text.size() < sizeof case_bits) {
        for (std::size_t at = 0; at < text.size(); ++at)
            differing_bits |= static_cast<unsigned char>((text[at] | 0x20) ^ lower_case[at]);
        return differing_bits == 0;
    }
    compare_at(text.size() - sizeof case_bits);  // the last eight, some of them twice
    for (std::size_t at = 0; at + sizeof case_bits < text.size(); at += sizeof case_bits) compare_at(at);
    return differing_bits == 0;
}

// Takes the first element off `list`, a comma-separated list (RFC 9110 section 5.6.1); empty elements are passed over.
// Without white space around it; empty once the list is used up.
[[nodiscard]] std::string_view take_list_element(std::string_view& list);

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
    [[nodiscard]] std::optional<Refusal> fault_of_head() const;
    [[nodiscard]] bool is_keeping_value() const;
    void begin_value();
    void add_to_value(std::string_view bytes);
    void end_value();
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
