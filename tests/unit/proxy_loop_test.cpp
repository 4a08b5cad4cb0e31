// A ProxyLoop between a scripted loop and a scripted server: who is passed on, with which address, and who is closed.
// runs: release asan
#include "engine/server/proxy_loop.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/proxy_text.hpp"

namespace sluice {
namespace {

constexpr std::uint64_t s = 1'000'000'000;
constexpr std::string_view line = "PROXY TCP4 192.0.2.1 198.51.100.2 5123 443\r\n";
const std::string v4("\xC0\x00\x02\x01\xC6\x33\x64\x02\x14\x03\x01\xBB", 12);

class LoopBelow final : public io::Loop {
  public:
    void listen(std::span<const int>) override {}
    void stop_listening() override {}
    [[nodiscard]] bool is_listening() const override { return true; }
    void send(Slot slot, std::span<const char> bytes) override { sent[slot] = {bytes.data(), bytes.size()}; }
    void pause_receive(Slot) override {}
    void resume_receive(Slot) override {}
    void check_input(Slot) override {}
    void shutdown_send(Slot) override {}
    void close(Slot slot) override { closed.push_back(slot); }
    [[nodiscard]] std::string peer_of(Slot) override { return peer; }
    void run_once(std::uint64_t deadline_ns) override { asked_deadline_ns = deadline_ns; }
    void wake() override {}
    [[nodiscard]] const io::LoopCounters& counters() const override { return counters_; }
    void forget_longest_iteration() override {}
    [[nodiscard]] const std::string& mode() const override { return mode_; }

    std::string peer = "10.0.0.7:5";
    std::map<Slot, std::string> sent;
    std::vector<Slot> closed;
    std::uint64_t asked_deadline_ns = 0;

  private:
    io::LoopCounters counters_;
    std::string mode_ = "scripted";
};

class ServerAbove final : public io::Events {
  public:
    void on_open(Slot slot, io::ListenerIndex listener) override {
        opened[slot] = listener;
        if (closes_at_once) loop->close(slot);
    }
    void on_bytes(Slot slot, std::span<const char> bytes) override { got[slot].append(bytes.data(), bytes.size()); }
    void on_end_of_stream(Slot slot) override { ended.push_back(slot); }
    void on_input_checked(Slot, bool) override {}
    void on_sent(Slot) override {}
    void on_failed(Slot slot) override { loop->close(slot); }
    void on_closed(Slot slot) override { closed.push_back(slot); }
    void on_iteration(std::uint64_t) override {}
    void on_iteration_end() override {}

    io::Loop* loop = nullptr;
    bool closes_at_once = false;
    std::map<Slot, int> opened;
    std::map<Slot, std::string> got;
    std::vector<Slot> ended, closed;
};

class ProxyLoopTest : public testing::Test {
  protected:
    ProxyLoopTest() {
        io::LoopSettings settings;
        settings.slots_count_max = 8;
        const AddressSettings addresses{
            .trusted = {*parse_ip_network("10.0.0.0/8")}, .takes_proxy_header = true, .header_timeout_ns = 10 * s};
        loop_ = std::make_unique<ProxyLoop>(settings, addresses, counters_, server_);
        auto below = std::make_unique<LoopBelow>();
        below_ = below.get();
        loop_->set_loop(std::move(below));
        server_.loop = loop_.get();
        iterate();
    }

    io::Events& events() { return loop_->events_below(); }
    void iterate(std::uint64_t after_ns = 0) {
        now_ns_ += after_ns;
        events().on_iteration(now_ns_);
        events().on_iteration_end();
    }
    void feed(Slot slot, std::string_view bytes) { events().on_bytes(slot, bytes); }
    std::uint64_t count(ProxyOutcome outcome) { return counters_.proxy_headers[static_cast<std::size_t>(outcome)]; }

    AddressCounters counters_;
    ServerAbove server_;
    std::unique_ptr<ProxyLoop> loop_;
    LoopBelow* below_ = nullptr;
    std::uint64_t now_ns_ = 1000 * s;
};

TEST_F(ProxyLoopTest, TheServerSeesTheClient) {
    events().on_open(1, 3);
    EXPECT_TRUE(server_.opened.empty()) << "it does not hear of a connection without a header";
    feed(1, std::string(line) + "GET");
    EXPECT_EQ(server_.opened[1], 3);
    EXPECT_EQ(server_.got[1], "GET");
    EXPECT_EQ(loop_->peer_of(1), "192.0.2.1:5123");
    EXPECT_FALSE(loop_->is_anonymous(1));
    feed(1, " /");
    EXPECT_EQ(server_.got[1], "GET /");
    loop_->send(1, std::string_view("answer"));
    EXPECT_EQ(below_->sent[1], "answer");
    events().on_end_of_stream(1);
    EXPECT_EQ(server_.ended, std::vector<Slot>{1});
    loop_->close(1);
    EXPECT_EQ(below_->closed, std::vector<Slot>{1});
    events().on_closed(1);
    EXPECT_EQ(server_.closed, std::vector<Slot>{1});
    EXPECT_EQ(count(ProxyOutcome::v1), 1u);
    events().on_open(1, 0);
    EXPECT_EQ(loop_->peer_of(1), "10.0.0.7:5") << "the next connection is another one";
}

TEST_F(ProxyLoopTest, AHeaderMayComeInPieces) {
    const std::string header = tests::with_checksum(0x21, 0x11, v4);
    for (std::size_t piece = 1; piece <= header.size() + 3; ++piece) {
        const std::string all = header + "GET";
        events().on_open(2, 0);
        for (std::size_t at = 0; at < all.size(); at += piece) feed(2, std::string_view(all).substr(at, piece));
        EXPECT_EQ(server_.got[2], "GET") << piece;
        EXPECT_EQ(loop_->peer_of(2), "192.0.2.1:5123");
        loop_->close(2);
        events().on_closed(2);
        server_.got.clear();
    }
    EXPECT_EQ(count(ProxyOutcome::v2), header.size() + 3);
}

TEST_F(ProxyLoopTest, AProxyMaySpeakForItself) {
    events().on_open(1, 0);
    feed(1, tests::proxy_block(0x20, 0x00, ""));
    EXPECT_EQ(loop_->peer_of(1), "10.0.0.7:5");
    EXPECT_TRUE(loop_->is_anonymous(1));
    events().on_open(2, 0);
    feed(2, "PROXY UNKNOWN\r\n");
    EXPECT_EQ(loop_->peer_of(2), "10.0.0.7:5");
    EXPECT_EQ(server_.opened.size(), 2u);
}

TEST_F(ProxyLoopTest, OnlyTrustedPeersMay) {
    Slot slot = 0;
    for (const std::string peer : {"192.0.2.9:5", "[2001:db8::1]:5", "unix", "unknown"}) {
        below_->peer = peer;
        events().on_open(slot, 0);
        EXPECT_EQ(below_->closed.size(), slot + 1) << "at once: " << peer;
        feed(slot, line);  // was on its way
        events().on_closed(slot++);
    }
    EXPECT_TRUE(server_.opened.empty() && server_.closed.empty());
    EXPECT_EQ(count(ProxyOutcome::untrusted), 4u);
}

TEST_F(ProxyLoopTest, WhatIsNoHeaderIsClosed) {
    const std::string bad_sum = tests::proxy_block(0x21, 0x11, v4 + tests::proxy_field(0x03, "abcd"));
    const std::string too_long = tests::proxy_block(0x20, 0x00, std::string(5000, '\0'));
    Slot slot = 0;
    for (const std::string_view bytes : {std::string_view("GET / HTTP/1.1\r\n\r\n"), std::string_view("\x16\x03\x01"),
                                         std::string_view(bad_sum), std::string_view(too_long)}) {
        events().on_open(slot, 0);
        feed(slot, bytes);
        EXPECT_EQ(below_->closed.size(), slot + 1);
        events().on_closed(slot++);
    }
    events().on_open(slot, 0);
    feed(slot, line.substr(0, 20));
    events().on_end_of_stream(slot);
    EXPECT_EQ(below_->closed.size(), slot + 1);
    events().on_closed(slot);
    EXPECT_TRUE(server_.opened.empty() && server_.closed.empty());
    EXPECT_EQ(count(ProxyOutcome::malformed), 2u);
    EXPECT_EQ(count(ProxyOutcome::checksum), 1u);
    EXPECT_EQ(count(ProxyOutcome::too_long), 1u);
    EXPECT_EQ(count(ProxyOutcome::closed), 1u);
}

TEST_F(ProxyLoopTest, AHeaderHasTheTimeOfAHead) {
    events().on_open(1, 0);
    iterate(4 * s);
    events().on_open(2, 0);
    loop_->run_once(0);
    EXPECT_EQ(below_->asked_deadline_ns, now_ns_ + 6 * s) << "from when it was accepted";
    feed(1, line.substr(0, 10));
    iterate(6 * s);
    EXPECT_EQ(below_->closed, std::vector<Slot>{1});
    feed(2, line);
    iterate(20 * s);
    EXPECT_EQ(below_->closed, std::vector<Slot>{1}) << "it is a matter of the server now";
    EXPECT_EQ(count(ProxyOutcome::timeout), 1u);
    loop_->run_once(7);
    EXPECT_EQ(below_->asked_deadline_ns, 7u);
}

TEST_F(ProxyLoopTest, ADrainWaitsASecondForHeaders) {
    events().on_open(1, 0);
    loop_->stop_listening();
    iterate(s / 2);
    EXPECT_TRUE(below_->closed.empty());
    iterate(s / 2);
    EXPECT_EQ(below_->closed, std::vector<Slot>{1});
}

TEST_F(ProxyLoopTest, AServerMayCloseWhatItIsGiven) {
    server_.closes_at_once = true;
    events().on_open(1, 0);
    feed(1, std::string(line) + "GET");
    EXPECT_TRUE(server_.got.empty());
    EXPECT_EQ(below_->closed, std::vector<Slot>{1});
    events().on_closed(1);
    EXPECT_EQ(server_.closed, std::vector<Slot>{1});
}

}  // namespace
}  // namespace sluice
