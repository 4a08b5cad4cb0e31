// LoopTest: a loop of either backend over real sockets, and a recorder that checks the life of its slots.
//
// The ring and the buffers are so small that what is rare under load happens at once: submission queue full, no buffer
// free, no slot free.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/descriptor.hpp"
#include "engine/io/backend.hpp"
#include "engine/io/listener.hpp"
#include "engine/io/loop.hpp"
#include "tests/support/patience.hpp"

namespace sluice::tests {

using io::Slot;

inline constexpr std::uint64_t ms = 1'000'000;

// Keeps what the loop says, and checks the life of each slot.
class Recorder final : public io::Events {
  public:
    struct Socket {
        bool is_open = false;
        bool is_closing = false;  // close() was called
        io::ListenerIndex listener = 0;
        std::string received;
        bool has_ended = false;
        bool has_failed = false;
        int sent_count = 0;
        std::vector<std::string> checks;  // what on_input_checked() said
    };

    void on_open(Slot slot, io::ListenerIndex listener) override {
        EXPECT_FALSE(sockets[slot].is_open);
        sockets[slot] = Socket{};
        sockets[slot].is_open = true;
        sockets[slot].listener = listener;
        opened.push_back(slot);
    }
    void on_bytes(Slot slot, std::span<const char> bytes) override {
        Socket& socket = alive(slot);
        EXPECT_FALSE(socket.has_ended || socket.has_failed);
        socket.received.append(bytes.data(), bytes.size());
        pieces_max = std::max(pieces_max, bytes.size());
        if (after_bytes) after_bytes(slot);
    }
    void on_end_of_stream(Slot slot) override {
        EXPECT_FALSE(alive(slot).has_ended);
        alive(slot).has_ended = true;
    }
    void on_input_checked(Slot slot, bool is_empty) override {
        alive(slot).checks.push_back(is_empty ? "empty" : "waiting");
    }
    void on_sent(Slot slot) override { ++alive(slot).sent_count; }
    void on_failed(Slot slot) override {
        EXPECT_FALSE(alive(slot).has_failed);
        alive(slot).has_failed = true;
    }
    void on_closed(Slot slot) override {
        EXPECT_TRUE(sockets[slot].is_open && sockets[slot].is_closing);
        sockets[slot].is_open = false;
        ++closed_count;
    }
    void on_iteration(std::uint64_t now_ns) override {
        EXPECT_GE(now_ns, now);
        now = now_ns;
        if (at_iteration) at_iteration();
    }
    void on_iteration_end() override { ++iterations_count; }

    Socket& alive(Slot slot) {
        EXPECT_TRUE(sockets[slot].is_open && !sockets[slot].is_closing) << "an event after close()";
        return sockets[slot];
    }

    std::function<void(Slot)> after_bytes;
    std::function<void()> at_iteration;
    std::map<Slot, Socket> sockets;
    std::vector<Slot> opened;
    std::size_t pieces_max = 0;
    int closed_count = 0;
    int iterations_count = 0;
    std::uint64_t now = 0;
};

class LoopTest : public testing::TestWithParam<io::Backend> {
  protected:
    void SetUp() override {
        settings.ring_entries_count = 8;
        settings.receive_buffer_bytes = 256;
        settings.receive_buffers_count = 2;
        settings.slots_count_max = 64;
    }
    void TearDown() override {
        loop.reset();
        listeners.clear();
    }

    [[nodiscard]] static bool is_uring() { return GetParam() == io::Backend::io_uring; }

    // False: io_uring is not available here, which the test then reports.
    [[nodiscard]] bool open() {
        auto opened = io::open_loop(GetParam(), settings, recorder);
        if (!opened) {
            EXPECT_TRUE(opened.error().is_unavailable) << opened.error().sentence;
            unavailable = opened.error().sentence;
            return false;
        }
        loop = std::move(*opened);
        std::vector<int> fds;
        for (std::size_t i = 0; i < listeners_count; ++i) {
            auto listener = io::open_listener({"127.0.0.1", 0});
            CHECK(listener.has_value());
            fds.push_back(listener->get());
            ports.push_back(io::port_of(*listener));
            listeners.push_back(std::move(*listener));
        }
        port = ports[0];
        loop->listen(fds);
        return true;
    }

    // Runs until `done`; false when that hangs.
    bool run_until(const std::function<bool()>& done) {
        const std::uint64_t end_ns = monotonic_ns() + patience_ns;
        while (!done()) {
            if (monotonic_ns() > end_ns) return false;
            loop->run_once(monotonic_ns() + 20 * ms);
        }
        return true;
    }
    void run_for(std::uint64_t ns) {
        const std::uint64_t end_ns = monotonic_ns() + ns;
        while (monotonic_ns() < end_ns) loop->run_once(end_ns);
    }
    bool run_until_open(std::size_t count) {
        return run_until([&] { return recorder.opened.size() >= count; });
    }
    void close(Slot slot) {
        recorder.sockets[slot].is_closing = true;
        loop->close(slot);
    }
    // The slot may be open again afterwards, for a client that waited.
    bool close_and_wait(Slot slot) {
        const int count = recorder.closed_count + 1;
        close(slot);
        return run_until([&] { return recorder.closed_count == count; });
    }

    io::LoopSettings settings;
    Recorder recorder;
    std::unique_ptr<io::Loop> loop;
    std::size_t listeners_count = 1;
    std::vector<Descriptor> listeners;
    std::vector<std::uint16_t> ports;
    std::uint16_t port = 0;  // the first listener's
    std::string unavailable;
};

inline std::string pattern(std::size_t bytes, unsigned salt = 0) {
    std::string text(bytes, ' ');
    for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + (i + salt + i / 251) % 26);
    return text;
}

}  // namespace sluice::tests

// A test's first line; io_uring may be forbidden where it runs.
#define OPEN_OR_SKIP()                                                                                                 \
    if (!open()) GTEST_SKIP() << unavailable
