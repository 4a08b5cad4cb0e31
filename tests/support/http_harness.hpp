// One Connection with everything it needs and no socket: an application that answers when it is told to, a clock that
// stands still until it is moved, and pools as small as a test wants them. Header only, for the fuzz target.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/http/connection.hpp"
#include "tests/support/guarded_buffer.hpp"

namespace sluice::tests {

// Answers each request with a text that shows what arrived: "POST /path?query body". At once, or when told to.
class EchoApplication final : public http::Application {
  public:
    struct Waiting {
        RequestRef ref;
        std::string echo;
        std::string_view body;  // where it was kept
    };

    explicit EchoApplication(http::BlockPool& blocks) : blocks_(blocks) {}

    // Whether request `index` (0-based) is answered at once; asked for each.
    std::function<bool(std::size_t index)> answers_at_once = [](std::size_t) { return true; };
    bool refuses_heads = false;

    [[nodiscard]] http::Decision on_request(const http::Request& request, RequestRef ref,
                                            http::Response& response) override {
        const std::size_t index = requests_count++;
        if (refuses_heads) {  // whether its body came with its head or not
            refuse(Refusal::paused, response);
            return http::Decision::now;
        }
        std::string echo = echo_of(request);
        if (!answers_at_once(index)) {
            const bool keeps_body = keeps_bodies && request.is_body_lendable;
            waiting.push_back({ref, std::move(echo), keeps_body ? request.body : std::string_view{}});
            return keeps_body ? http::Decision::later_with_body : http::Decision::later;
        }
        fill(response, echo);
        return http::Decision::now;
    }

    [[nodiscard]] bool refuses_head(const http::Request&, http::Response& response) override {
        ++heads_count;
        if (refuses_heads) refuse(Refusal::paused, response);
        return refuses_heads;
    }

    void on_refused(Refusal reason, Slot, const http::Request* request, http::Response& response) override {
        refused_paths.emplace_back(request != nullptr ? request->path : "nothing was read");
        refuse(reason, response);
    }
    void refuse(Refusal reason, http::Response& response) {
        const RefusalInfo& info = info_of(reason);
        response.start(static_cast<std::uint16_t>(info.status), "application/json");
        response.set_refusal(reason);
        response.append_body(blocks_, R"({"ok":false,"error":")" + std::string(info.sentence) + R"(","code":")" +
                                          std::string(info.code) + "\"}");
    }
    void on_overdue(RequestRef ref, http::Response& response) override {
        overdue.push_back(ref);
        refuse(Refusal::ack_timeout, response);
    }
    void on_body_lost(RequestRef ref) override { lost.push_back(ref); }

    void on_responses_sent(std::uint32_t count, IngestFormat, std::uint64_t received_ns,
                           std::uint64_t ready_ns) override {
        CHECK(received_ns <= ready_ns);
        responses_sent_count += count;
    }

    void fill(http::Response& response, std::string_view text) {
        response.start(200, "application/json");
        response.append_body(blocks_, text);
    }

    bool keeps_bodies = false;     // of requests that are not answered at once, where they may be kept
    std::vector<Waiting> waiting;  // not answered yet, in order of arrival
    std::vector<RequestRef> overdue;
    std::vector<RequestRef> lost;  // whose body was kept
    std::vector<std::string> refused_paths;  // of requests that the connection refused
    std::size_t requests_count = 0;
    std::size_t heads_count = 0;
    std::uint64_t responses_sent_count = 0;

  private:
    // Long bodies are shown by size and hash (FNV-1a).
    [[nodiscard]] static std::string echo_of(const http::Request& request) {
        static constexpr std::string_view methods[]{"GET", "HEAD", "POST", "OPTIONS", "OTHER"};
        std::string echo(methods[static_cast<std::size_t>(request.head.method)]);
        echo += " " + std::string(request.path) + "?" + std::string(request.query) + " ";
        if (request.body.size() <= 256) return echo + std::string(request.body);
        std::uint64_t hash = 0xcbf29ce484222325;
        for (const char c : request.body) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
        return echo + std::to_string(request.body.size()) + " bytes, " + std::to_string(hash);
    }

    http::BlockPool& blocks_;
};

struct HarnessSizes {
    std::size_t blocks_count = 256;
    std::size_t body_memory_bytes = 64 * limits::mib;
    std::uint32_t pendings_count = 512;
    std::uint64_t body_bytes_max = limits::mib;
};

class HttpHarness {
  public:
    static constexpr std::uint64_t s = 1'000'000'000;

    explicit HttpHarness(const HarnessSizes& given = {})
        : sizes(given),
          settings{given.body_bytes_max, 10 * s, 30 * s, 75 * s, 20 * s, 40 * s},
          blocks(given.blocks_count),
          bodies(given.body_memory_bytes),
          heads(1),
          pendings(given.pendings_count),
          app(blocks),
          context{settings, blocks, bodies, heads, pendings, renderer, app, counters} {
        context.now_ns = 1000 * s;
        renderer.set_time(784111777);  // the example of RFC 9110 section 5.6.7
        open();
    }
    ~HttpHarness() {
        if (!is_closed()) connection.release(context);
    }
    HttpHarness(const HttpHarness&) = delete;
    HttpHarness& operator=(const HttpHarness&) = delete;

    void open() { connection.open(context, 0); }

    // Closes the connection if it is open, forgets what was said, and opens it anew.
    void start_over() {
        if (!is_closed()) connection.release(context);
        sent.clear();
        app.waiting.clear();
        app.requests_count = 0;
        app.refused_paths.clear();
        open();
    }

    // Bytes arrive, and are gone when the connection has looked at them. What they lead to is not sent yet.
    void receive(std::string_view bytes) {
        if (is_closed()) return;
        connection.on_bytes(context, buffer_.place(bytes));
        buffer_.take_back();
    }

    // Sends one block, if there is one. The kernel takes it at once.
    bool send_block() {
        const http::OutputBlock* block = connection.start_sending(context);
        if (block == nullptr) return false;
        sent.append(block->data, block->end);
        connection.on_block_sent(context);
        return true;
    }

    // What a server does after events until nothing is left to do.
    void pump() {
        if (is_closed()) return;
        do {
            connection.resume(context);
            if (!is_input_waiting && connection.awaits_input_check(context)) connection.on_input_empty(context);
        } while (send_block());
        if (connection.takes_half_close(context)) sent += "<half-close>";
        if (!connection.must_close()) return;
        sent += "<close>";
        connection.release(context);
    }

    void feed(std::string_view bytes) {
        receive(bytes);
        pump();
    }
    void end_stream() {
        if (is_closed()) return;
        connection.on_end_of_stream(context);
        pump();
    }

    // Decides the answer to app.waiting[index], which stays there.
    void decide(std::size_t index) {
        const EchoApplication::Waiting& waiting = app.waiting[index];
        http::Pending* pending = pendings.find(waiting.ref);
        if (pending == nullptr) return;
        app.fill(pending->response, waiting.echo);
        pending->is_ready = true;
        pending->ready_ns = context.now_ns;
        connection.on_ready(context, waiting.ref.index);
    }
    // Answers everything that waits, and what comes up meanwhile. `reversed`: the last first.
    void answer_all(bool reversed = false) {
        for (std::size_t first = 0; first < app.waiting.size();) {
            const std::size_t end = app.waiting.size();
            for (std::size_t i = 0; i < end - first; ++i) decide(reversed ? end - 1 - i : first + i);
            first = end;
            pump();
        }
        app.waiting.clear();
    }

    void answer_later() {
        app.answers_at_once = [](std::size_t) { return false; };
    }

    // Time passes; the deadline is handled if it has come, as the server's timer would.
    void advance(std::uint64_t ns) {
        context.now_ns += ns;
        if (!is_closed() && connection.deadline_ns(context) <= context.now_ns) {
            if (connection.is_sending()) connection.on_unread_bytes(context, unread_bytes);
            connection.on_deadline(context);
        }
        pump();
    }

    [[nodiscard]] std::string take_sent() { return std::exchange(sent, {}); }
    [[nodiscard]] bool is_closed() const { return connection.state() == http::Connection::State::closed; }

    // Closes the connection if it is open, and returns whether nothing is missing in any pool.
    [[nodiscard]] bool gives_everything_back() {
        if (!is_closed()) connection.release(context);
        return pools_are_whole();
    }

    // After the release of the connection: nothing is missing in any pool.
    [[nodiscard]] bool pools_are_whole() {
        std::vector<http::PendingIndex> taken;
        while (pendings.has_room()) taken.push_back(pendings.take());
        for (const http::PendingIndex index : taken) pendings.give_back(index);
        heads.give_back(heads.take());  // the only one: take() CHECKs that it is there
        return blocks.in_use_count() == 0 && bodies.in_use_bytes() == 0 && taken.size() == sizes.pendings_count;
    }

    const HarnessSizes sizes;
    http::HttpSettings settings;
    http::HttpCounters counters;
    http::BlockPool blocks;
    http::BodyPool bodies;
    http::HeadPool heads;
    http::PendingTable pendings;
    http::ResponseRenderer renderer;
    EchoApplication app;
    http::Context context;
    http::Connection connection{};
    bool is_input_waiting = false;  // what the kernel says when it is asked
    std::optional<std::uint64_t> unread_bytes;  // likewise: of what was sent
    std::string sent;  // all bytes sent, <half-close> and <close> where they happened

  private:
    GuardedBuffer buffer_{256 * limits::kib, http::BodyPool::padding_bytes};
};

}  // namespace sluice::tests
