// ResponseRenderer: Replies in, response bytes out.
//
// The answer to one accepted sample, which is nearly all a busy server sends, is rendered once a second (for its
// Date) and then only copied. Everything else is rendered when it is sent. One owner thread.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "engine/http/pending.hpp"

namespace sluice::http {

class ResponseRenderer {
  public:
    explicit ResponseRenderer(std::uint64_t retry_after_s_min)
        : retry_after_s_min_(retry_after_s_min), retry_after_s_(retry_after_s_min) {}

    // Call with the wall clock before rendering; does nothing unless the second has changed.
    void set_time(std::time_t unix_s);

    // What 503s say from now on; at least retry_after_s_min(), to be of use.
    void set_retry_after(std::uint64_t s) { retry_after_s_ = s; }
    [[nodiscard]] std::uint64_t retry_after_s_min() const { return retry_after_s_min_; }

    // Appends the response to `pending` to `output`; takes over the body of a text reply. False: out of blocks.
    // `closes` adds Connection: close.
    [[nodiscard]] bool render(Pending& pending, Output& output, BlockPool& pool);

    // The status that render() will answer with.
    [[nodiscard]] static int status_of(const Reply& reply);

    [[nodiscard]] static std::string_view continue_response() { return "HTTP/1.1 100 Continue\r\n\r\n"; }

  private:
    struct Head {
        int status;
        ContentType content_type;
        std::size_t content_bytes;
        bool has_retry_after;
        std::string_view allow;
        bool closes;
        bool says_keep_alive;  // HTTP/1.0 needs to be told
        bool is_replayed = false;
    };
    [[nodiscard]] std::string_view render_head(const Head& head);
    [[nodiscard]] Head head_of(const Pending& pending) const;
    [[nodiscard]] bool render_text(Pending& pending, Output& output, BlockPool& pool);
    [[nodiscard]] bool render_record_errors(Pending& pending, Output& output, BlockPool& pool);
    [[nodiscard]] bool emit(const Pending& pending, std::string_view body, Output& output, BlockPool& pool);

    const std::uint64_t retry_after_s_min_;
    std::uint64_t retry_after_s_;
    std::time_t unix_s_ = -1;
    std::string date_line_;                   // "Date: …\r\n"
    std::array<std::string, ack_levels_count> single_ok_;  // by AckLevel: HTTP/1.1, keep-alive, one accepted sample
    std::array<char, 768> scratch_{};
};

}  // namespace sluice::http
