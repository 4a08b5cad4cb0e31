// ResponseRenderer: Responses in, bytes out.
//
// What is answered most (PreparedResponse) is rendered once a second, for its Date, and then only copied. Everything
// else is rendered when it is sent. One owner thread.
#pragma once

#include <array>
#include <ctime>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/http/cors.hpp"
#include "engine/http/pending.hpp"
#include "engine/http/response.hpp"

namespace sluice::http {

class ResponseRenderer {
  public:
    explicit ResponseRenderer(std::vector<PreparedResponse> prepared = {}, CorsOrigins cors = {});

    // Call with the wall clock before rendering; does nothing unless the second has changed.
    void set_time(std::time_t unix_s);

    // Appends the answer of `pending` to `output`; takes over the blocks of its body. False: out of blocks, the output
    // is not whole.
    [[nodiscard]] bool render(Pending& pending, Output& output, BlockPool& pool);

    // The status that render() answers with.
    [[nodiscard]] std::uint16_t status_of(const Response& response) const {
        return response.is_prepared() ? prepared_[response.prepared()].status : response.status();
    }

    [[nodiscard]] static std::string_view continue_response() { return "HTTP/1.1 100 Continue\r\n\r\n"; }

  private:
    struct Head {
        std::uint16_t status;
        std::string_view content_type;
        std::uint64_t content_bytes;
        std::span<const Header> headers;
        std::string_view connection;  // value of the Connection header; empty: none
        std::string_view cors_lines{};
        std::string_view more_lines{};
    };
    [[nodiscard]] std::string_view render_head(const Head& head);
    void add(std::string_view text);
    void add_line(std::string_view name, std::string_view value);
    [[nodiscard]] bool render_prepared(const Pending& pending, Output& output, BlockPool& pool);

    const CorsOrigins cors_;
    std::vector<PreparedResponse> prepared_;
    std::vector<std::string> rendered_;  // each of prepared_, for HTTP/1.1 with keep-alive
    std::time_t unix_s_ = -1;
    std::string date_line_;  // "Date: …\r\n"
    std::array<char, limits::response_head_bytes_max> scratch_;
    std::size_t scratch_bytes_ = 0;
};

}  // namespace sluice::http
