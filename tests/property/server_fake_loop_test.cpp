// A whole Server under a random network and a random application: every request that was read is answered exactly once
// and in order, or its connection was broken; nothing is left in the pools, and no request is remembered that is gone.
// runs: release asan
#include "engine/server/server.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <charconv>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/fake_loop.hpp"
#include "tests/support/http_text.hpp"
#include "tests/support/seed.hpp"

namespace sluice {
namespace {

constexpr std::uint64_t s = 1'000'000'000;

// What one peer asks, and what it must hear.
struct Conversation {
    struct Asked {
        std::string path;
        std::size_t end_bytes;  // of the script: where the request ends
    };
    std::vector<Asked> requests;
    std::string script;
    bool is_sound = true;  // nothing behind the requests that is to be refused
};

constexpr ListenerRole roles[] = {ListenerRole::data, ListenerRole::admin};

// Of the listener through which the peer of the conversation came that a path names: /<conversation>/<request>.
ListenerRole role_of(std::string_view path) {
    std::size_t conversation = 0;
    std::from_chars(path.data() + 1, path.data() + path.size(), conversation);
    return roles[conversation % std::size(roles)];
}

// Answers with the path and the size of the body, now or later.
class Application final : public http::Application {
  public:
    explicit Application(std::uint64_t seed) : random_(seed) {}

    [[nodiscard]] http::Decision on_request(const http::Request& request, RequestRef ref,
                                            http::Response& response) override {
        const std::string echo = std::string(request.path) + " " + std::to_string(request.body.size());
        EXPECT_EQ(request.listener_role_number, static_cast<std::uint8_t>(role_of(request.path))) << request.path;
        EXPECT_EQ(request.body.find_first_not_of('b'), std::string_view::npos) << "the body was overwritten";
        refs.push_back(ref);
        if (!answers_later && random_() % 2 == 0) {
            fill(response, echo);
            return http::Decision::now;
        }
        const bool keeps_body = request.is_body_lendable && random_() % 2 == 0;
        waiting.push_back({ref, echo, keeps_body ? request.body : std::string_view{}});
        return keeps_body ? http::Decision::later_with_body : http::Decision::later;
    }
    [[nodiscard]] bool refuses_head(const http::Request&, http::Response& response) override {
        if (random_() % 8 != 0) return false;
        refuse(Refusal::paused, response);
        return true;
    }
    void on_refused(Refusal reason, Slot, const http::Request*, http::Response& response) override {
        refuse(reason, response);
    }
    void refuse(Refusal reason, http::Response& response) {
        const RefusalInfo& info = info_of(reason);
        response.start(static_cast<std::uint16_t>(info.status), "application/json");
        response.set_refusal(reason);
        response.append_body(server->blocks(), R"({"ok":false,"error":")" + std::string(info.sentence) +
                                                   R"(","code":")" + std::string(info.code) + "\"}");
    }
    void on_overdue(RequestRef ref, http::Response& response) override {
        forget_body(ref);
        refuse(Refusal::ack_timeout, response);
    }
    void on_body_lost(RequestRef ref) override { forget_body(ref); }
    void forget_body(RequestRef ref) {
        for (Waiting& request : waiting)
            if (request.ref.index == ref.index && request.ref.generation == ref.generation) request.body = {};
    }
    void on_responses_sent(std::uint32_t count, IngestFormat, std::uint64_t received_ns,
                           std::uint64_t ready_ns) override {
        EXPECT_LE(received_ns, ready_ns);
        responses_sent_count += count;
    }
    void fill(http::Response& response, std::string_view echo) {
        response.start(200, "application/json");
        response.append_body(server->blocks(), echo);
    }

    struct Waiting {
        RequestRef ref;
        std::string echo;
        std::string_view body;  // kept until it is answered; empty: not
    };
    Server* server = nullptr;
    bool answers_later = false;  // else every other request, by chance
    std::vector<Waiting> waiting;
    std::vector<RequestRef> refs;  // of all requests ever
    std::uint64_t responses_sent_count = 0;

  private:
    std::mt19937_64 random_;
};

// The tests' owner of the server: decides some of what waits in each iteration, in any order; at times, nothing for
// long.
class Owner final : public Server::Callbacks {
  public:
    Owner(Application& application, std::uint64_t seed) : application_(application), random_(seed) {}
    void take_completions() override {
        auto& waiting = application_.waiting;
        if (random_() % 300 == 0) is_stalled = can_stall && !is_stalled;
        for (std::size_t count = is_stalled ? 0 : random_() % 12; count-- > 0 && !waiting.empty();) {
            std::swap(waiting[random_() % waiting.size()], waiting.back());
            const Application::Waiting decided = waiting.back();
            waiting.pop_back();
            if (forgets && random_() % 20 == 0) {  // never settled: its time runs out, once its body is read
                if (!decided.body.empty()) application_.server->take_body_back(decided.ref);
                continue;
            }
            http::Response* response = application_.server->find(decided.ref);
            if (response == nullptr) continue;
            EXPECT_EQ(decided.body.find_first_not_of('b'), std::string_view::npos) << "a kept body was overwritten";
            if (!decided.body.empty() && random_() % 2 == 0) application_.server->take_body_back(decided.ref);
            application_.fill(*response, decided.echo);
            application_.server->complete(decided.ref);
        }
    }
    void hand_over(std::uint64_t) override {}
    bool forgets = true;
    bool can_stall = true;
    bool is_stalled = false;

  private:
    Application& application_;
    std::mt19937_64 random_;
};

class World {
  public:
    explicit World(std::uint64_t seed, std::uint32_t slots_count = 12)
        : random_(seed),
          application(seed + 1),
          owner(application, seed + 2),
          server(settings(slots_count), application, owner) {
        application.server = &server;
        std::vector<Listener> listeners;
        for (const ListenerRole role : roles)
            listeners.push_back({Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)), role});
        const auto opened = server.open(std::move(listeners), [&](const io::LoopSettings& given, io::Events& events) {
            auto made = std::make_unique<tests::FakeLoop>(given, events, seed + 3);
            loop = made.get();
            return std::unique_ptr<io::Loop>(std::move(made));
        });
        EXPECT_TRUE(opened.has_value());
        loop->next_script = [this] { return next_script(); };
        loop->is_busy_elsewhere = [this] { return !application.waiting.empty(); };
        loop->on_peer_gone = [this](const tests::FakePeer& peer) { look_at(peer); };
    }

    void run(int steps_count) {
        for (int i = 0; i < steps_count && !testing::Test::HasFailure(); ++i) server.run_once(0);
    }

    // Nobody comes any more and everything is answered: then nothing may be left. A drain must not wait for idle
    // clients.
    void come_to_rest(bool drains) {
        owner.forgets = owner.can_stall = owner.is_stalled = false;
        loop->is_quiet = true;
        const std::uint64_t begin_ns = loop->now_ns;
        if (drains) server.drain();
        for (int i = 0; i < 200 && server.has_connections(); ++i) run(200);
        EXPECT_FALSE(server.has_connections());
        EXPECT_TRUE(!drains || loop->now_ns - begin_ns < 60 * s);
        EXPECT_EQ(server.blocks().in_use_count(), 0u);
        EXPECT_EQ(server.body_bytes_in_use(), 0u);
        for (const RequestRef ref : application.refs) ASSERT_EQ(server.find(ref), nullptr) << "it is still remembered";
    }

  private:
    static ServerSettings settings(std::uint32_t slots_count) {
        ServerSettings settings{};
        settings.http = {50'000, 10 * s, 30 * s, 75 * s, 20 * s, 40 * s};
        settings.loop.slots_count_max = slots_count;
        settings.body_memory_bytes = 1'000'000;
        return settings;
    }
    [[nodiscard]] std::size_t below(std::size_t bound) { return random_() % bound; }

    tests::FakeLoop::Script next_script() {
        Conversation conversation;
        const std::string prefix = "/" + std::to_string(conversations_.size()) + "/";
        bool is_last = false;
        const bool is_long = below(5) == 0;  // so many small requests that back-pressure sets in
        for (std::size_t i = below(is_long ? 500 : 12); i-- > 0 && !is_last;) {
            const std::string path = prefix + std::to_string(conversation.requests.size());
            const std::string body(!is_long && below(10) == 0 ? below(50'000) : below(300), 'b');
            is_last = below(is_long ? 400 : 30) == 0;
            std::string more = is_last ? "Connection: close\r\n" : "";
            if (below(20) == 0) more += "Expect: 100-continue\r\n";
            switch (below(3)) {
                case 0: conversation.script += tests::get(path, is_last ? "Connection: close\r\n" : ""); break;
                case 1: conversation.script += tests::post(path, body, more); break;
                default: conversation.script += chunked(path, body, more); break;
            }
            conversation.requests.push_back({path, conversation.script.size()});
        }
        if (below(10) == 0) {
            conversation.script += "GET / HTTP/1.1\r\n\r\n" + tests::get("/must-not-be-seen");
            conversation.is_sound = false;
        }
        conversations_.push_back(conversation);
        return {conversations_.size() - 1, std::move(conversation.script), below(2) == 0};
    }

    std::string chunked(const std::string& path, std::string_view body, const std::string& more) {
        std::string request = "POST " + path + " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" + more + "\r\n";
        while (!body.empty()) {
            const std::size_t bytes = 1 + below(body.size());
            char size[24];
            std::snprintf(size, sizeof size, "%zx\r\n", bytes);
            request += size + std::string(body.substr(0, bytes)) + "\r\n";
            body.remove_prefix(bytes);
        }
        return request + "0\r\n\r\n";
    }

    // A peer is gone: what it heard must be the answers to what it asked, in order, each once.
    void look_at(const tests::FakePeer& peer) {
        const Conversation& conversation = conversations_[peer.conversation];
        std::size_t answered_count = 0;
        bool is_over = false;
        std::string_view received = peer.received;
        for (const std::string& response : tests::responses_in(received)) {
            ASSERT_FALSE(is_over) << "said after the last answer: " << response;
            if (response == "100") continue;
            if (response == "<cut>") {
                ASSERT_FALSE(peer.was_shut_down) << "half an answer, and then the end";
                continue;
            }
            const bool is_timeout = response == tests::refused(Refusal::ack_timeout);
            if (response ==
                tests::refused(Refusal::paused)) {  // by its head; the connection goes on if the body was small
                ASSERT_LT(answered_count++, conversation.requests.size()) << response;
                ++refusals_count;
                continue;
            }
            if (response.starts_with("200 ") || is_timeout) {
                ASSERT_LT(answered_count, conversation.requests.size()) << response;
                const Conversation::Asked& asked = conversation.requests[answered_count++];
                ASSERT_LE(asked.end_bytes, peer.sent_bytes) << "answered before it was asked";
                if (is_timeout) ++timeouts_count;
                else
                    ASSERT_TRUE(response.starts_with("200 " + asked.path + " "))
                        << response << " instead of " << asked.path;
                continue;
            }
            is_over = true;
            ++refusals_count;
        }
        ++gone_count;
        if (peer.was_checked && !peer.has_failed) {
            std::size_t arrived_count = 0;
            while (arrived_count < conversation.requests.size() &&
                   conversation.requests[arrived_count].end_bytes <= peer.checked_bytes)
                ++arrived_count;
            EXPECT_GE(answered_count, arrived_count) << "what had arrived was not answered";
        }
        const bool is_idle_end = peer.was_shut_down && !is_over && !peer.has_failed && !peer.has_half_closed;
        EXPECT_FALSE(is_idle_end && peer.is_paused) << "receiving was paused and not resumed";
        if (peer.has_failed || is_over || !peer.was_shut_down) return;
        // The server ended the stream of its own accord, and said all it had to say. What arrives after that decision
        // (an idle time that was over, a drain) is discarded, as HTTP/1.1 has it.
        ++ended_count;
        const bool is_asked_to_close = received.rfind("Connection: close\r\n") != std::string_view::npos;
        std::size_t asked_count = 0;
        while (asked_count < conversation.requests.size() &&
               conversation.requests[asked_count].end_bytes <= peer.sent_bytes_settled)
            ++asked_count;
        if (is_asked_to_close) return;
        // A body that its head had refused was too long to be discarded.
        const bool is_cut_off = received.contains(info_of(Refusal::paused).sentence);
        EXPECT_TRUE(peer.was_checked || peer.has_half_closed || is_cut_off)
            << "the server did not look whether input waits";
        EXPECT_GE(answered_count, asked_count) << "some requests were not answered";
        EXPECT_TRUE(conversation.is_sound || peer.sent_bytes_settled < peer.script.size())
            << "what should be refused was not";
    }

    std::mt19937_64 random_;
    std::vector<Conversation> conversations_;

  public:
    Application application;
    Owner owner;
    Server server;
    tests::FakeLoop* loop = nullptr;  // the server's
    int gone_count = 0;
    int ended_count = 0;
    int refusals_count = 0;
    int timeouts_count = 0;
};

TEST(ServerOnFakeLoop, AnswersEveryRequestOnceAndInOrder) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::cout << tests::seed_trace(seed) << "\n";
    int ended_count = 0;
    int refusals_count = 0;
    int timeouts_count = 0;
    std::uint64_t pauses_count = 0;
    for (std::uint64_t run = 0; run < 8 && !testing::Test::HasFailure(); ++run) {
        SCOPED_TRACE("run " + std::to_string(run));
        World world(seed + run * 1000);
        world.run(30'000);
        if (run % 4 == 0) {
            world.server.begin_lame_duck();
            world.run(3'000);
        }
        world.come_to_rest(run % 2 == 0);
        EXPECT_EQ(world.server.http_counters().aborted_connections, 0u);
        EXPECT_GT(world.gone_count, 100);
        ended_count += world.ended_count;
        refusals_count += world.refusals_count;
        timeouts_count += world.timeouts_count;
        pauses_count += world.loop->pauses_count;
    }
    EXPECT_GT(ended_count, 100);
    EXPECT_GT(refusals_count, 10);
    EXPECT_GT(timeouts_count, 0);
    EXPECT_GT(pauses_count, 100u);
    std::cout << ended_count << " connections ended in order, " << refusals_count << " refused, " << timeouts_count
              << " timeouts, " << pauses_count << " pauses\n";
}

// One peer, which says `script` and then waits.
class OnePeer : public testing::Test {
  protected:
    OnePeer() {
        std::cout << tests::seed_trace(seed) << "\n";
        renew();
    }

    void renew() {
        world = std::make_unique<World>(seed++, 1);
        world->loop->on_peer_gone = [](const tests::FakePeer&) {};
    }
    void begin(const std::string& script) {
        world->loop->next_script = [script] { return tests::FakeLoop::Script{0, script, false}; };
        while (world->loop->counters().open_slots == 0) world->server.run_once(0);
        world->loop->is_quiet = true;
        world->owner.forgets = world->owner.can_stall = false;
    }
    [[nodiscard]] const tests::FakePeer& peer() const { return world->loop->peer(0); }
    // Runs until the server has said something; returns how long that took.
    std::uint64_t run_until_answered() {
        const std::uint64_t begin_ns = world->loop->now_ns;
        for (int i = 0; i < 100'000 && peer().received.empty(); ++i) world->server.run_once(0);
        return world->loop->now_ns - begin_ns;
    }

    std::uint64_t seed = tests::test_seed();
    std::unique_ptr<World> world;
};

TEST_F(OnePeer, ADecidedAnswerIsSentInTheSameIteration) {
    world->application.answers_later = true;
    world->owner.is_stalled = true;
    begin(tests::get("/"));
    while (world->application.waiting.empty()) world->server.run_once(0);
    world->owner.is_stalled = false;
    while (!world->application.waiting.empty()) world->server.run_once(0);
    EXPECT_FALSE(peer().sending.empty());
}

// The idle timer is set when the connection opens; the deadline of a header, which begins later, is nearer.
TEST_F(OnePeer, ANearerDeadlineMovesTheTimer) {
    begin("GET / HTT");
    for (; peer().sent_bytes != 0; begin("GET / HTT")) renew();  // it opened and spoke in one iteration
    const std::uint64_t took_ns = run_until_answered();
    EXPECT_EQ(tests::responses_in(peer().received), tests::Responses{tests::refused(Refusal::header_timeout)});
    EXPECT_LT(took_ns, 11 * s);
}

// What the kernel has taken of a pipeline when a drain begins is answered, however little of it the server has seen.
TEST_F(OnePeer, ADrainAnswersWhatLiesInTheKernel) {
    constexpr std::size_t requests_count = 300;
    std::string script;
    for (std::size_t i = 0; i < requests_count; ++i) script += tests::get("/0/" + std::to_string(i));
    for (int round = 0; round < 15; ++round) {
        renew();
        world->loop->sends_at_once = true;
        begin(script);
        world->owner.is_stalled = false;
        if (peer().has_failed) continue;  // in the iteration in which it connected
        for (int i = 0; i < round; ++i) world->server.run_once(0);
        std::string received;
        world->loop->on_peer_gone = [&](const tests::FakePeer& peer) { received = peer.received; };
        if (round % 2 != 0) world->server.begin_lame_duck();
        world->server.drain();
        for (int i = 0; i < 100'000 && !world->server.is_drained(); ++i) world->server.run_once(0);
        ASSERT_TRUE(world->server.is_drained());
        const tests::Responses responses = tests::responses_in(received);
        const auto answered_count = std::ranges::count_if(
            responses, [](const std::string& response) { return response.starts_with("200 /0/"); });
        ASSERT_EQ(answered_count, int{requests_count}) << "round " << round;
        const std::string_view last = std::string_view(received).substr(received.rfind("HTTP/1.1 "));
        ASSERT_EQ(received.find("Connection: close"), received.size() - last.size() + last.find("Connection: close"));
    }
}

// A timer of a connection that is gone must not fire for nobody.
TEST_F(OnePeer, AClosedConnectionLeavesNoTimer) {
    begin("GET / HTTP/1.1\r\n\r\n");
    static_cast<void>(run_until_answered());
    world->come_to_rest(false);
    for (int i = 0; i < 2000; ++i) world->server.run_once(world->loop->now_ns + s);
    EXPECT_EQ(world->server.http_counters().idle_timeouts, 0u);
}

}  // namespace
}  // namespace sluice
