// A TlsLoop between a scripted loop and a scripted server: what it hands on, how many handshakes an iteration does, who
// makes room, and how connections end.
// runs: release asan
#include "engine/server/tls_loop.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/limits.hpp"
#include "tests/support/tls_client.hpp"
#include "tests/support/tls_files.hpp"

namespace sluice {
namespace {

constexpr std::uint64_t s = 1'000'000'000;
constexpr std::uint64_t ms = 1'000'000;

// The kernel's side. What is sent waits until the test takes it.
class LoopBelow final : public io::Loop {
  public:
    struct Socket {
        std::span<const char> sending;
        bool is_paused = false;
        bool was_shut_down = false;
        bool was_closed = false;
    };

    void listen(std::span<const int>) override {}
    void stop_listening() override {}
    [[nodiscard]] bool is_listening() const override { return true; }
    void send(Slot slot, std::span<const char> bytes) override {
        EXPECT_TRUE(sockets[slot].sending.empty());
        sockets[slot].sending = bytes;
    }
    void pause_receive(Slot slot) override { sockets[slot].is_paused = true; }
    void resume_receive(Slot slot) override { sockets[slot].is_paused = false; }
    void check_input(Slot) override {}
    void shutdown_send(Slot slot) override { sockets[slot].was_shut_down = true; }
    void close(Slot slot) override { sockets[slot].was_closed = true; }
    void run_once(std::uint64_t deadline_ns) override { asked_deadline_ns = deadline_ns; }
    void wake() override {}
    [[nodiscard]] const io::LoopCounters& counters() const override { return counters_; }
    [[nodiscard]] bool is_full() const override { return is_full_now; }
    void forget_longest_iteration() override {}
    [[nodiscard]] const std::string& mode() const override { return mode_; }

    std::map<Slot, Socket> sockets;
    bool is_full_now = false;
    std::uint64_t asked_deadline_ns = 0;
    io::LoopCounters counters_;

  private:
    std::string mode_ = "scripted";
};

// The server's side: closes what has failed, and remembers the rest.
class ServerAbove final : public io::Events {
  public:
    void on_open(Slot, io::ListenerIndex) override { ++opened_count; }
    void on_bytes(Slot slot, std::span<const char> bytes) override { got[slot].append(bytes.data(), bytes.size()); }
    void on_end_of_stream(Slot slot) override { ended.push_back(slot); }
    void on_input_checked(Slot, bool is_empty) override { was_empty = is_empty; }
    void on_sent(Slot slot) override { sent.push_back(slot); }
    void on_failed(Slot slot) override {
        failed.push_back(slot);
        loop->close(slot);
    }
    void on_closed(Slot slot) override { closed.push_back(slot); }
    void on_iteration(std::uint64_t) override {}
    void on_iteration_end() override {}

    io::Loop* loop = nullptr;
    int opened_count = 0;
    bool was_empty = false;
    std::map<Slot, std::string> got;
    std::vector<Slot> ended, sent, failed, closed;
};

class TlsLoopTest : public testing::Test {
  protected:
    static constexpr io::ListenerIndex plain = 0, secure = 1;

    TlsLoopTest() {
        auto context = tls::Context::load(files_.settings());
        EXPECT_TRUE(context) << context.error();
        io::LoopSettings settings;
        settings.slots_count_max = 64;
        loop_ = std::make_unique<TlsLoop>(settings, TlsSettings{*context, 10 * s}, server_);
        auto below = std::make_unique<LoopBelow>();
        below_ = below.get();
        loop_->set_loop(std::move(below));
        loop_->set_tls_listeners(1u << secure);
        server_.loop = loop_.get();
        iterate();
    }

    io::Events& events() { return loop_->events_below(); }
    void iterate(std::uint64_t after_ns = 0) {
        now_ns_ += after_ns;
        events().on_iteration(now_ns_);
        events().on_iteration_end();
    }
    // What lies in the kernel for the peer.
    std::string taken(Slot slot) {
        auto& sending = below_->sockets[slot].sending;
        const std::string bytes(sending.data(), sending.size());
        sending = {};
        if (!bytes.empty()) events().on_sent(slot);
        return bytes;
    }
    bool shake_hands(Slot slot, tests::TlsClient& client) {
        events().on_open(slot, secure);
        for (int turn = 0; turn < 4 && !client.shake_hands(); ++turn) {
            events().on_bytes(slot, client.give());
            iterate();
            client.take(taken(slot));
        }
        const std::string last = client.give();
        if (!last.empty()) events().on_bytes(slot, last);
        for (std::string more = taken(slot); !more.empty(); more = taken(slot)) client.take(more);
        return loop_->tls_counters().handshakes_in_progress == 0;
    }

    tests::TlsFiles files_;
    ServerAbove server_;
    std::unique_ptr<TlsLoop> loop_;
    LoopBelow* below_ = nullptr;
    std::uint64_t now_ns_ = 1000 * s;
};

TEST_F(TlsLoopTest, PlainConnectionsPass) {
    events().on_open(1, plain);
    events().on_bytes(1, std::string_view("GET"));
    EXPECT_EQ(server_.got[1], "GET");
    const std::string_view answer = "answer";
    loop_->send(1, answer);
    EXPECT_EQ(below_->sockets[1].sending.data(), answer.data()) << "the same bytes, not a copy";
    events().on_sent(1);
    EXPECT_EQ(server_.sent.size(), 1U);
    loop_->shutdown_send(1);
    loop_->close(1);
    EXPECT_TRUE(below_->sockets[1].was_shut_down && below_->sockets[1].was_closed);
    events().on_closed(1);
    EXPECT_EQ(server_.closed, std::vector<Slot>{1});
}

TEST_F(TlsLoopTest, CarriesBytesBothWaysAndSaysTheEnd) {
    tests::TlsClient client(TLS1_3_VERSION);
    ASSERT_TRUE(shake_hands(1, client));
    events().on_bytes(1, client.seal("request"));
    EXPECT_EQ(server_.got[1], "request");
    loop_->send(1, std::string_view("answer"));
    EXPECT_TRUE(server_.sent.empty());
    client.take(taken(1));
    EXPECT_EQ(server_.sent.size(), 1U);
    EXPECT_EQ(client.read(), "answer");
    loop_->shutdown_send(1);
    EXPECT_FALSE(below_->sockets[1].was_shut_down) << "the close_notify first";
    client.take(taken(1));
    client.read();
    EXPECT_NE(SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN, 0);
    EXPECT_TRUE(below_->sockets[1].was_shut_down);
    loop_->close(1);
    EXPECT_TRUE(below_->sockets[1].was_closed);
    events().on_closed(1);
}

TEST_F(TlsLoopTest, AnIterationDoesFourStepsOfHandshakes) {
    std::vector<std::unique_ptr<tests::TlsClient>> clients;
    for (Slot slot = 0; slot < 10; ++slot) {
        clients.push_back(std::make_unique<tests::TlsClient>(TLS1_3_VERSION));
        clients.back()->shake_hands();
        events().on_open(slot, secure);
        events().on_bytes(slot, clients.back()->give());
    }
    const auto answered_count = [&] {
        int count = 0;
        for (Slot slot = 0; slot < 10; ++slot) count += below_->sockets[slot].sending.empty() ? 0 : 1;
        return count;
    };
    EXPECT_EQ(answered_count(), 4);
    EXPECT_FALSE(below_->sockets[3].is_paused);
    EXPECT_TRUE(below_->sockets[4].is_paused) << "it waits for its turn";
    loop_->run_once(0);
    EXPECT_EQ(below_->asked_deadline_ns, 1U) << "the next iteration is at once";
    iterate();
    EXPECT_EQ(answered_count(), 8);
    EXPECT_FALSE(below_->sockets[4].is_paused);
    iterate();
    EXPECT_EQ(answered_count(), 10);
    for (Slot slot = 0; slot < 10; ++slot) EXPECT_FALSE(below_->sockets[slot].sending.empty()) << "in order";
}

TEST_F(TlsLoopTest, AHandshakeHasATime) {
    events().on_open(1, secure);
    loop_->run_once(0);
    EXPECT_EQ(below_->asked_deadline_ns, now_ns_ + 10 * s);
    iterate(10 * s - 1);
    EXPECT_FALSE(below_->sockets[1].was_closed);
    iterate(1);
    EXPECT_TRUE(below_->sockets[1].was_closed);
    events().on_closed(1);
    EXPECT_EQ(loop_->tls_counters().failures[static_cast<std::size_t>(tls::HandshakeFailure::timeout)], 1U);
}

TEST_F(TlsLoopTest, TheOldestHandshakeMakesRoom) {
    events().on_open(1, secure);
    iterate(150 * ms);
    events().on_open(2, secure);
    below_->is_full_now = true;
    below_->counters_.open_slots = 40;
    iterate();
    EXPECT_FALSE(below_->sockets[1].was_closed) << "it is too young";
    loop_->run_once(0);
    EXPECT_EQ(below_->asked_deadline_ns, now_ns_ + 50 * ms);
    iterate(50 * ms);
    EXPECT_TRUE(below_->sockets[1].was_closed);
    EXPECT_FALSE(below_->sockets[2].was_closed);
    iterate(150 * ms);
    EXPECT_FALSE(below_->sockets[2].was_closed) << "the room that was made is not there yet";
    events().on_closed(1);
    iterate();
    EXPECT_TRUE(below_->sockets[2].was_closed);
}

TEST_F(TlsLoopTest, ARecordThatHasBegunIsInput) {
    tests::TlsClient client(TLS1_3_VERSION);
    ASSERT_TRUE(shake_hands(1, client));
    events().on_input_checked(1, true);
    EXPECT_TRUE(server_.was_empty);
    const std::string cipher = client.seal("request");
    events().on_bytes(1, std::string_view(cipher).substr(0, 10));
    events().on_input_checked(1, true);
    EXPECT_FALSE(server_.was_empty);
    iterate(TlsLoop::record_patience_ns + 1);
    events().on_input_checked(1, true);
    EXPECT_TRUE(server_.was_empty) << "nobody waits for it for ever";
}

TEST_F(TlsLoopTest, AnAlertIsSentBeforeTheEnd) {
    events().on_open(1, secure);
    events().on_bytes(1, "\x16\x03\x01\x01" + std::string(600, 'g'));
    EXPECT_EQ(server_.failed, std::vector<Slot>{1});
    EXPECT_FALSE(below_->sockets[1].was_closed);
    EXPECT_FALSE(taken(1).empty());
    EXPECT_TRUE(below_->sockets[1].was_shut_down);
    events().on_bytes(1, std::string_view("more"));  // discarded
    EXPECT_FALSE(below_->sockets[1].was_closed);
    events().on_end_of_stream(1);
    EXPECT_TRUE(below_->sockets[1].was_closed);
}

TEST_F(TlsLoopTest, APeerThatDoesNotEndIsClosedAfterAWhile) {
    events().on_open(1, secure);
    events().on_bytes(1, std::string_view("GET / HTTP/1.1\r\n"));
    EXPECT_TRUE(taken(1).starts_with("HTTP/1.1 400 "));
    iterate(TlsLoop::linger_ns - 1);
    EXPECT_FALSE(below_->sockets[1].was_closed);
    iterate(1);
    EXPECT_TRUE(below_->sockets[1].was_closed);
}

TEST_F(TlsLoopTest, ASlotIsUsedAgain) {
    for (int turn = 0; turn < 3; ++turn) {
        tests::TlsClient client(TLS1_2_VERSION);
        ASSERT_TRUE(shake_hands(1, client));
        events().on_failed(1);
        EXPECT_TRUE(below_->sockets[1].was_closed);
        events().on_closed(1);
        below_->sockets[1] = {};
        events().on_open(1, plain);
        events().on_bytes(1, std::string_view("x"));
        events().on_failed(1);
        events().on_closed(1);
        below_->sockets[1] = {};
    }
    EXPECT_EQ(server_.got[1], "xxx");
}

}  // namespace
}  // namespace sluice
