// Application: what a server does with a request. Implemented by the composition root; engine/http only calls it.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/http/pending.hpp"
#include "engine/http/reply.hpp"
#include "parsers/http/http_parser.hpp"

namespace sluice::http {

struct Request {
    const parsers::RequestHead& head;
    std::string_view path;
    std::string_view query;     // without the question mark
    std::string_view body;      // padded: BodyPool::padding_bytes are readable behind it; valid during the call
    std::uint64_t received_ns;  // monotonic
    std::uint8_t listener_role_number = 0;  // of the listener that it came through: the server's ListenerRole
};

class Application {
  public:
    // True: `pending.reply` is decided. False: it will be, by Server::complete(ref).
    [[nodiscard]] virtual bool on_request(const Request& request, RequestRef ref, Pending& pending) = 0;

    // Whether a request whose body is not (all) there would be refused anyway, by its head alone. Returns true with
    // `reply`, a refusal, decided if so. Not asked of requests that arrived whole.
    [[nodiscard]] virtual bool refuses_head(const Request& request, Reply& reply) = 0;

    // Retry-After of a 503, asked for each of them; at least `least_s`.
    [[nodiscard]] virtual std::uint64_t retry_after_s(std::uint64_t least_s) { return least_s; }

    // The kernel took the last bytes of `count` responses; the times are those of the first of them.
    virtual void on_responses_sent(std::uint32_t count, std::uint64_t received_ns, std::uint64_t ready_ns) = 0;

  protected:
    ~Application() = default;
};

}  // namespace sluice::http
