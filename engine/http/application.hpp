// Application: what a server does with a request. Implemented by the server's owner; engine/http only calls it, on the
// server's thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/core/ingest_format.hpp"
#include "engine/core/refusal.hpp"
#include "engine/core/request_ref.hpp"
#include "engine/core/slot.hpp"
#include "engine/http/response.hpp"
#include "parsers/http/http_parser.hpp"

namespace sluice::http {

struct Request {
    const parsers::RequestHead& head;
    std::string_view path;
    std::string_view query;      // without the question mark
    std::string_view body;       // padded: limits::body_padding_bytes are readable behind it
    std::uint64_t received_ns;   // monotonic
    // The body may be kept: answer Decision::later_with_body, and it stays until the request is completed.
    bool is_body_lendable = false;
    std::uint8_t listener_role_number = 0;  // of the listener that it came through: a number that the owner knows
    Slot slot = 0;               // of its connection
};

enum class Decision : std::uint8_t {
    now,              // `response` is made
    later,            // Server::complete() will be called
    later_with_body,  // the same; until then the body stays where it is, and no other request of the connection is read
};

class Application {
  public:
    // `request` is borrowed for the call. Sets the format of `response` where the request has one, whatever it decides:
    // the request is counted under it.
    [[nodiscard]] virtual Decision on_request(const Request& request, RequestRef ref, Response& response) = 0;

    // Whether a request whose body is not (all) there would be refused anyway, by its head alone. True: `response`, a
    // refusal, is made. Not asked of requests that arrived whole.
    [[nodiscard]] virtual bool refuses_head(const Request& request, Response& response) = 0;

    // The connection `slot` refuses a request by itself (framing, limits, a client that is too slow, a drain): makes
    // the answer. `request` is what was read of it, without its body; its head may be cut anywhere, see
    // RequestHead::has_path(). Null: nothing was read.
    virtual void on_refused(Refusal reason, Slot slot, const Request* request, Response& response) = 0;
    // The connection is gone, and with it the request `ref` and the body that the application keeps.
    virtual void on_body_lost(RequestRef ref) = 0;
    // The connection `slot` is gone; the next one may have the same slot. After on_body_lost().
    virtual void on_connection_gone(Slot) {}
    // A request that was left for later has no answer in time: makes the answer. `ref` names it for the last
    // time, and its body is gone if it was kept: that happens at the server's end only, because the time for an answer
    // does not run while a body is kept.
    virtual void on_overdue(RequestRef ref, Response& response) = 0;

    // The kernel took the last bytes of `count` responses; the format and the times are those of the first of them.
    virtual void on_responses_sent(std::uint32_t count, IngestFormat format, std::uint64_t received_ns,
                                   std::uint64_t ready_ns) = 0;

  protected:
    ~Application() = default;
};

}  // namespace sluice::http
