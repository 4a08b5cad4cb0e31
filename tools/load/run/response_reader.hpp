// ResponseReader: response bytes in, one event at a time out. llhttp, strict; one reader reads for all connections of a
// load thread, each of which has a ResponseState. What Content-Length, Transfer-Encoding and Connection say is read
// here, as the engine does: llhttp takes no tab for a blank (RFC 9110 section 5.6.3).
//
// Servers answer with the same head again and again (until the second in Date changes), so a head that is byte for byte
// one that llhttp has just read means the same: its status and length are taken over without parsing. Everything else —
// a new head, a response in pieces, chunked, without length — goes through llhttp.
#pragma once

#include <llhttp.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/core/ack.hpp"

namespace sluice::load {

inline constexpr std::size_t response_head_bytes_max = 64 * 1024;
inline constexpr std::uint64_t response_body_bytes_max = std::uint64_t{1} << 30;
inline constexpr std::size_t kept_body_bytes_max = 1024 * 1024;

// A header whose value is looked at, as far as it was read.
struct HeaderValue {
    std::string text;  // of several lines, joined with commas
    unsigned lines_count = 0;
};

// What is known of the response that a connection is reading.
struct ResponseState {
    llhttp_t parser;
    std::string name;  // of the header line that is being read, cut behind the longest that matters
    HeaderValue* value = nullptr;  // of the header line that is being read, if it is one of these
    HeaderValue content_length;
    HeaderValue transfer_encoding;
    HeaderValue connection;
    HeaderValue acknowledgement;  // Sluice-Ack
    bool is_in_message = false;
    bool is_in_head = false;
    bool is_complete = false;
    bool is_too_large = false;
    bool has_plain_length = false;  // Content-Length alone says where the body ends
    bool keeps_alive = false;
    bool expects_no_body = false;  // answers a HEAD request
    std::uint16_t status = 0;
    std::size_t head_bytes = 0;  // so far
    std::uint64_t body_bytes = 0;  // so far
    std::size_t kept_bytes_max = 0;  // 0: the body is skipped
    std::string body;  // kept if a check wants it
};

class ResponseReader {
  public:
    enum class Event : std::uint8_t {
        need_more,  // all bytes were read; the response is not complete
        interim,  // a 1xx is complete; another response follows
        response,  // a response is complete; the bytes behind it are untouched
        malformed,  // not HTTP
        too_large,  // beyond the limits above
    };
    struct Result {
        Event event = Event::need_more;
        std::size_t consumed_bytes = 0;
        std::uint16_t status = 0;
        bool keeps_alive = false;
        std::optional<AckLevel> ack{};  // that Sluice-Ack names
        std::string_view body;  // if it is kept; valid until the next call
    };

    // `keeps_bodies`: a check looks at them.
    explicit ResponseReader(bool keeps_bodies);

    // For a new connection.
    void start(ResponseState& state) const;
    // `is_head_request`: the response that is read answers a HEAD.
    [[nodiscard]] Result read(ResponseState& state, std::span<const char> bytes, bool is_head_request);
    // The server has ended the stream: complete if the response has no other end, need_more if it is cut short.
    [[nodiscard]] Result read_end(ResponseState& state);

  private:
    struct KnownHead {
        std::string bytes;
        std::size_t content_bytes = 0;
        std::uint16_t status = 0;
        std::optional<AckLevel> ack;
    };
    static constexpr std::size_t known_heads_count = 4;

    [[nodiscard]] bool reads_known(std::span<const char> bytes, Result& result) const;
    void learn(std::span<const char> bytes, const ResponseState& state, std::size_t consumed_bytes);
    [[nodiscard]] Result result_of(ResponseState& state, llhttp_errno_t error, std::size_t consumed_bytes) const;

    bool keeps_bodies_;
    std::array<KnownHead, known_heads_count> known_heads_;
    std::size_t forgotten_next_ = 0;
};

}  // namespace sluice::load
