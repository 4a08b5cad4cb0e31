// Response: what a request is answered, as values: status, headers, body. Its owner makes it with start() or
// use_prepared() when the answer is decided; the renderer turns it into bytes when its turn in the connection has come.
//
// A short body lies in the response itself, a longer one in blocks of the server's pool, which are the response's until
// it is rendered or cleared. Zeroed memory is no response yet. One owner thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/ingest_format.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "engine/http/block_pool.hpp"

namespace sluice::http {

// Name and value are static, or lie in the response. Neither has a line break: they come from us.
struct Header {
    std::string_view name;
    std::string_view value;
};

// An answer that is given often, in full. The renderer renders it once a second, for its Date; requests then name it.
struct PreparedResponse {
    std::uint16_t status = 200;
    std::string_view content_type;  // static
    std::vector<Header> headers;  // static
    std::string body;
};
using PreparedIndex = std::uint16_t;

// Of an origin whose pages may read an answer: see CorsOrigins.
using CorsNumber = std::uint8_t;
inline constexpr CorsNumber no_cors = 0;
static_assert(limits::cors_origins_count_max <= 0xff);

class Response {
  public:
    static constexpr std::size_t headers_count_max = 8;
    // Computed header values of one response, all together.
    static constexpr std::size_t header_text_bytes_max = 192;
    // Of set_lines().
    static constexpr std::size_t line_text_bytes_max = 384;
    // The longest body that needs no block.
    static constexpr std::size_t inline_body_bytes_max = 320;

    Response() = default;
    Response(const Response&) = delete;  // it owns blocks, and has views into itself
    Response& operator=(const Response&) = delete;

    // --- its owner -----------------------------------------------------------------------------------
    // A response of its own; `content_type` is static, and empty for a response without one.
    void start(std::uint16_t status, std::string_view content_type);
    // One of those that the server was made with.
    void use_prepared(PreparedIndex index);

    // After start(). `name` and `value` are static; at most headers_count_max.
    void add_header(std::string_view name, std::string_view value);
    // The same with values that are copied; header_text_bytes_max bound them.
    void add_copied_header(std::string_view name, std::string_view value);
    void add_header(std::string_view name, std::uint64_t value);
    // Out of blocks: the response cannot be rendered any more, and the connection ends without it.
    void append_body(BlockPool& pool, std::string_view text);

    // The connection ends with this answer, whatever the client wants. Only of one that is made at once.
    void end_connection() { ends_connection_ = true; }
    [[nodiscard]] bool ends_connection() const { return ends_connection_; }

    // Why the request was refused as a whole, for the counters.
    void set_refusal(Refusal reason) { refusal_code_ = static_cast<std::int16_t>(reason); }
    [[nodiscard]] bool is_refusal() const { return refusal_code_ >= 0; }
    [[nodiscard]] Refusal refusal() const { return static_cast<Refusal>(refusal_code_); }

    // For which ingest format it is, for the counters and the latency: start() leaves it. none until it is set.
    void set_format(IngestFormat format) { format_ = format; }
    [[nodiscard]] IngestFormat format() const { return format_; }

    // To which origin's page it goes: start() and use_prepared() leave it.
    void set_cors(CorsNumber number) { cors_ = number; }
    [[nodiscard]] CorsNumber cors() const { return cors_; }

    // Before anything is known of the request that it answers.
    void forget_request() {
        format_ = IngestFormat::none;
        cors_ = no_cors;
        line_text_bytes_ = 0;
    }

    // Header lines, each with its CRLF, that are copied: start() and use_prepared() leave them.
    void set_lines(std::string_view lines);
    [[nodiscard]] bool has_lines() const { return line_text_bytes_ != 0; }
    // Whether its head has more than start() or use_prepared() and add_header() have put there.
    [[nodiscard]] bool has_more() const { return (cors_ | line_text_bytes_) != 0; }

    // Gives its blocks back.
    void clear(BlockPool& pool) { body_.clear(pool); }

    // --- the renderer --------------------------------------------------------------------------------
    [[nodiscard]] bool is_prepared() const { return is_prepared_; }
    [[nodiscard]] PreparedIndex prepared() const { return prepared_; }
    [[nodiscard]] std::uint16_t status() const { return status_; }
    [[nodiscard]] std::string_view content_type() const { return content_type_; }
    [[nodiscard]] std::string_view lines() const { return {line_text_.data(), line_text_bytes_}; }
    [[nodiscard]] std::span<const Header> headers() const { return {headers_.data(), headers_count_}; }
    [[nodiscard]] std::uint64_t body_bytes() const { return body_.empty() ? inline_body_bytes_ : body_.bytes; }
    // Moves the body behind `output`. False: out of blocks, now or when it was made.
    [[nodiscard]] bool move_body_to(Output& output, BlockPool& pool);

  private:
    std::uint16_t status_;
    PreparedIndex prepared_;
    std::int16_t refusal_code_;  // below 0: none
    IngestFormat format_;
    CorsNumber cors_;
    bool is_prepared_;
    bool is_cut_;  // some of the body found no block
    bool ends_connection_;
    std::uint8_t headers_count_;
    std::uint16_t header_text_bytes_;
    std::uint16_t line_text_bytes_;
    std::uint16_t inline_body_bytes_;  // 0 once the body lies in blocks
    std::string_view content_type_;
    Output body_;
    std::array<Header, headers_count_max> headers_;
    std::array<char, header_text_bytes_max> header_text_;
    std::array<char, inline_body_bytes_max> inline_body_;
    std::array<char, line_text_bytes_max> line_text_;  // last: most requests have none
};

// Half of it is left for what is static: the status line, the date, names, and the values of static headers.
static_assert(Response::header_text_bytes_max <= limits::response_head_bytes_max / 2, "copied values fit a head");

}  // namespace sluice::http
