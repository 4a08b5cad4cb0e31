// FakeLoop: a Loop without a kernel, driven by a random generator. Its peers send what they are given in short pieces,
// break off, stop reading, half-close, and leave while bytes are on their way to them; slots are used again at once.
//
// It CHECKs the server's side of the Loop contract: no call for a slot that is closed or closing, one send at a time,
// and bytes that stay as they are until on_sent or on_closed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/io/loop.hpp"
#include "tests/support/guarded_buffer.hpp"

namespace sluice::tests {

struct FakePeer {
    enum class State : std::uint8_t { absent, open, closing };

    State state = State::absent;
    std::size_t conversation = 0;  // which, for the test
    std::string script;  // what it will send
    std::size_t arrived_bytes = 0;  // of it: sent, and taken by the server's kernel
    std::size_t sent_bytes = 0;  // of these: given to the server
    bool is_checking = false;  // check_input() was called
    bool was_checked = false;  // and the answer was that nothing waits
    std::size_t checked_bytes = 0;  // what had arrived by then
    bool half_closes = false;  // after the script
    bool has_half_closed = false;
    bool is_paused = false;
    int pieces_after_pause_count = 0;  // that were on their way when the server paused
    bool has_failed = false;
    bool was_shut_down = false;  // read the end of the stream
    std::size_t sent_bytes_settled = 0;  // what it had sent before the iteration in which that happened
    std::string received;
    std::span<const char> sending;  // the server's bytes, not taken yet
    std::string sending_copy;  // what they were
};

class FakeLoop final : public io::Loop {
  public:
    struct Script {
        std::size_t conversation;  // whose peer comes through listener `conversation % their count`
        std::string bytes;
        bool half_closes;
    };

    FakeLoop(const io::LoopSettings& settings, io::Events& events, std::uint64_t seed)
        : events_(events),
          random_(seed),
          peers_(settings.slots_count_max),
          buffer_(64 * 1024, settings.padding_bytes) {}

    std::function<Script()> next_script;  // for a peer that connects
    std::function<void(const FakePeer&)> on_peer_gone;  // its slot was closed
    std::function<bool()> is_busy_elsewhere = [] {
        return false;
    };  // else a quiet loop lets time jump to the next deadline
    bool sends_at_once = false;  // all that a peer has to say is in the kernel when it connects
    bool is_quiet = false;  // no new peers, no failures, no stalls: everything comes to its end
    std::uint64_t now_ns = 1'000'000'000'000;
    std::uint64_t pauses_count = 0;  // of receiving from peers that had more to say
    [[nodiscard]] const FakePeer& peer(io::Slot slot) const { return peers_[slot]; }

    void listen(std::span<const int> listeners_fd) override {
        listeners_count_ = listeners_fd.size();
        is_listening_ = true;
    }
    void stop_listening() override { is_listening_ = false; }
    [[nodiscard]] bool is_listening() const override { return is_listening_; }
    void check_input(io::Slot slot) override {
        FakePeer& peer = open_peer(slot);
        CHECK(!peer.is_checking && !peer.was_shut_down);
        peer.is_checking = true;
    }
    void send(io::Slot slot, std::span<const char> bytes) override {
        FakePeer& peer = open_peer(slot);
        CHECK(peer.sending.empty() && !bytes.empty() && !peer.was_shut_down);
        peer.sending = bytes;
        peer.sending_copy.assign(bytes.data(), bytes.size());
    }
    void pause_receive(io::Slot slot) override {
        FakePeer& peer = open_peer(slot);
        peer.is_paused = true;
        peer.pieces_after_pause_count = static_cast<int>(below(3));
        if (!peer.has_half_closed) ++pauses_count;
    }
    void resume_receive(io::Slot slot) override { open_peer(slot).is_paused = false; }
    void shutdown_send(io::Slot slot) override {
        FakePeer& peer = open_peer(slot);
        CHECK(!peer.was_shut_down && peer.sending.empty());
        peer.was_shut_down = true;
    }
    void close(io::Slot slot) override { open_peer(slot).state = FakePeer::State::closing; }
    void wake() override {}
    [[nodiscard]] const io::LoopCounters& counters() const override { return counters_; }
    void forget_longest_iteration() override { counters_.iteration_ns_max = 0; }
    [[nodiscard]] const std::string& mode() const override { return mode_; }

    void run_once(std::uint64_t deadline_ns) override {
        now_ns += below(3'000'000);
        // Nothing comes until the deadline: now and then, or, when it is quiet, if nothing can.
        if (is_quiet ? is_at_rest() : below(100) == 0) now_ns = std::max(now_ns, deadline_ns);
        events_.on_iteration(now_ns);
        for (std::size_t i = below(8); i-- > 0;) happen(static_cast<io::Slot>(below(peers_.size())));
        events_.on_iteration_end();
        for (FakePeer& peer : peers_) {
            CHECK(is_untouched(peer));
            if (!peer.was_shut_down) peer.sent_bytes_settled = peer.sent_bytes;
        }
    }

  private:
    [[nodiscard]] std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

    FakePeer& open_peer(io::Slot slot) {
        CHECK(peers_[slot].state == FakePeer::State::open);
        return peers_[slot];
    }

    [[nodiscard]] static bool is_untouched(const FakePeer& peer) {
        return std::string_view(peer.sending.data(), peer.sending.size()) == peer.sending_copy;
    }

    [[nodiscard]] bool is_at_rest() const {
        if (is_busy_elsewhere()) return false;
        return std::ranges::all_of(peers_, [](const FakePeer& peer) {
            if (peer.state != FakePeer::State::open) return peer.state == FakePeer::State::absent;
            const bool has_more = peer.sent_bytes < peer.script.size() || peer.half_closes || peer.was_shut_down;
            return !peer.is_checking && peer.sending.empty() && (peer.is_paused || peer.has_half_closed || !has_more);
        });
    }

    void happen(io::Slot slot) {
        FakePeer& peer = peers_[slot];
        switch (peer.state) {
            case FakePeer::State::absent:
                if (is_listening_ && !is_quiet) connect(slot);
                return;
            case FakePeer::State::closing: return finish_close(slot);
            case FakePeer::State::open: break;
        }
        if (peer.has_failed) return;  // the server was told, and closes at the end of the iteration at the latest
        if (peer.is_checking && below(2) == 0) return answer_check(slot);
        const std::size_t what = below(is_quiet ? 20 : 21);
        if (what < 10) return deliver(slot);
        if (what < 20) return take_sent(slot);
        if (below(10) != 0) return;
        peer.has_failed = true;
        events_.on_failed(slot);
    }

    void connect(io::Slot slot) {
        Script script = next_script();
        FakePeer& peer = peers_[slot];
        peer = FakePeer{};
        peer.state = FakePeer::State::open;
        peer.conversation = script.conversation;
        peer.script = std::move(script.bytes);
        peer.half_closes = script.half_closes;
        if (sends_at_once) peer.arrived_bytes = peer.script.size();
        ++counters_.open_slots;
        events_.on_open(slot, static_cast<io::ListenerIndex>(peer.conversation % listeners_count_));
    }

    void deliver(io::Slot slot) {
        FakePeer& peer = peers_[slot];
        if (peer.has_half_closed || (peer.is_paused && --peer.pieces_after_pause_count < 0)) return;
        if (peer.sent_bytes == peer.script.size()) {
            // A peer that was told that nothing comes any more leaves in the end.
            if (!peer.half_closes && !(peer.was_shut_down && below(3) == 0)) return;
            peer.has_half_closed = true;
            return events_.on_end_of_stream(slot);
        }
        if (peer.arrived_bytes == peer.sent_bytes || below(3) == 0) arrive(peer);
        const std::size_t left = peer.arrived_bytes - peer.sent_bytes;
        const std::size_t bytes = 1 + below(std::min(left, below(3) == 0 ? std::size_t{16'384} : std::size_t{200}));
        const std::string_view piece = std::string_view(peer.script).substr(peer.sent_bytes, bytes);
        peer.sent_bytes += bytes;
        events_.on_bytes(slot, buffer_.place(piece));
        buffer_.take_back();
    }

    void arrive(FakePeer& peer) {
        const std::size_t left = peer.script.size() - peer.arrived_bytes;
        if (left != 0) peer.arrived_bytes += 1 + below(std::min(left, std::size_t{16'384}));
    }

    void answer_check(io::Slot slot) {
        FakePeer& peer = peers_[slot];
        peer.is_checking = false;
        const bool is_empty = peer.arrived_bytes == peer.sent_bytes;
        if (is_empty) {
            peer.was_checked = true;
            peer.checked_bytes = peer.arrived_bytes;
        }
        events_.on_input_checked(slot, is_empty);
    }

    void take_sent(io::Slot slot) {
        FakePeer& peer = peers_[slot];
        if (peer.sending.empty()) return;
        peer.received += peer.sending_copy;
        peer.sending = {};
        peer.sending_copy.clear();
        events_.on_sent(slot);
    }

    void finish_close(io::Slot slot) {
        FakePeer& peer = peers_[slot];
        on_peer_gone(peer);
        peer.state = FakePeer::State::absent;
        peer.sending = {};
        peer.sending_copy.clear();
        --counters_.open_slots;
        events_.on_closed(slot);
        if (is_listening_ && !is_quiet && below(2) == 0) connect(slot);  // its place is taken in the same iteration
    }

    io::Events& events_;
    std::mt19937_64 random_;
    std::vector<FakePeer> peers_;
    GuardedBuffer buffer_;
    bool is_listening_ = false;
    std::size_t listeners_count_ = 0;
    io::LoopCounters counters_;
    std::string mode_ = "fake";
};

}  // namespace sluice::tests
