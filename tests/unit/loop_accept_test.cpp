// Both loops: accepting, up to the last slot and the last descriptor, and stopping to.
// runs: release asan tsan
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "tests/support/loop_test.hpp"
#include "tests/support/tcp_client.hpp"

namespace sluice {
namespace {

using tests::ms;
using tests::TcpClient;

class LoopAccept : public tests::LoopTest {};

INSTANTIATE_TEST_SUITE_P(Backends, LoopAccept, testing::Values(io::Backend::io_uring, io::Backend::epoll),
                         [](const auto& test) { return std::string(io::name_of(test.param)); });

TEST_P(LoopAccept, WaitsWhenSlotsAreUsedUpAndGoesOn) {
    settings.slots_count_max = 4;
    OPEN_OR_SKIP();
    std::vector<TcpClient> clients;
    for (int i = 0; i < 6; ++i) clients.emplace_back(port);
    ASSERT_TRUE(run_until_open(4));
    run_for(20 * ms);
    EXPECT_EQ(recorder.opened.size(), 4u);
    EXPECT_GT(loop->counters().accept_pauses, 0u);
    for (const TcpClient& client : clients)
        EXPECT_EQ(client.receive_now(), "") << "turned away instead of left waiting";
    clients[0].send("served");  // those that are in are served meanwhile
    ASSERT_TRUE(run_until([&] {
        return std::ranges::any_of(recorder.sockets,
                                   [](const auto& entry) { return entry.second.received == "served"; });
    }));
    EXPECT_TRUE(close_and_wait(recorder.opened[0]));
    EXPECT_TRUE(close_and_wait(recorder.opened[1]));
    EXPECT_TRUE(run_until_open(6)) << "the two that waited";
    EXPECT_EQ(loop->counters().open_slots, 4u);
}

// Far from the bound many are accepted at once, near it one by one: nobody is turned away.
TEST_P(LoopAccept, AcceptsWithCareNearTheBound) {
    settings.slots_count_max = 40;
    OPEN_OR_SKIP();
    std::vector<TcpClient> clients;
    for (std::size_t i = 0; i < 10; ++i) {
        clients.emplace_back(port);
        ASSERT_TRUE(run_until_open(i + 1));
    }
    for (int i = 0; i < 35; ++i) clients.emplace_back(port);
    ASSERT_TRUE(run_until_open(40));
    run_for(20 * ms);
    for (const TcpClient& client : clients) EXPECT_EQ(client.receive_now(), "");
    for (std::size_t i = 0; i < 5; ++i) EXPECT_TRUE(close_and_wait(recorder.opened[i]));
    EXPECT_TRUE(run_until_open(45));
}

// A full house costs nothing: the loop sleeps until somebody leaves.
TEST_P(LoopAccept, DoesNotSpinWhenSlotsAreUsedUp) {
    settings.slots_count_max = 2;
    OPEN_OR_SKIP();
    std::vector<TcpClient> clients;
    for (int i = 0; i < 4; ++i) clients.emplace_back(port);
    ASSERT_TRUE(run_until_open(2));
    run_for(150 * ms);
    const int before = recorder.iterations_count;
    run_for(300 * ms);
    EXPECT_LE(recorder.iterations_count - before, 10);
}

// Descriptors that others use up, as a server's sinks and admin endpoints do: clients wait, and are served when some
// come free. (Direct descriptors are not the process's.)
TEST_P(LoopAccept, WaitsForDescriptors) {
    if (is_uring()) GTEST_SKIP() << "does not apply: its sockets are direct descriptors";
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit low{64, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    settings.spare_descriptors_count = 4;
    OPEN_OR_SKIP();
    std::vector<TcpClient> clients;
    for (int i = 0; i < 3; ++i) clients.emplace_back(port);
    std::vector<int> taken;  // all but the spare ones
    while (taken.empty() || taken.back() < 59) taken.push_back(::dup(listeners[0].get()));
    ASSERT_TRUE(run_until_open(1)) << "one is taken, which shows that few descriptors are left";
    run_for(250 * ms);
    EXPECT_EQ(recorder.opened.size(), 1u) << "spare descriptors were used";
    EXPECT_EQ(loop->counters().accept_pauses, 1u);
    const int spare = ::dup(listeners[0].get());
    EXPECT_GE(spare, 0) << "none is left for others";
    ::close(spare);
    for (const int fd : taken) ::close(fd);
    EXPECT_TRUE(run_until_open(3));
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_P(LoopAccept, StopsListening) {
    OPEN_OR_SKIP();
    const TcpClient before(port);
    ASSERT_TRUE(run_until_open(1));
    loop->stop_listening();
    ASSERT_TRUE(run_until([&] { return !loop->is_listening(); }));
    listeners.clear();
    EXPECT_FALSE(TcpClient::can_connect(port)) << "an accept still holds the listener";
    EXPECT_EQ(recorder.opened.size(), 1u);
    before.send("x");
    EXPECT_TRUE(run_until([&] { return recorder.sockets[recorder.opened[0]].received == "x"; }));
}

// Clients that are connected when listening stops are served, though nobody had time to accept them: also if there are
// more of them than may be accepted at a time.
TEST_P(LoopAccept, TakesWhoIsThereWhenItStops) {
    OPEN_OR_SKIP();
    run_for(5 * ms);
    std::vector<TcpClient> clients;
    for (int i = 0; i < 60; ++i) clients.emplace_back(port);
    loop->stop_listening();
    EXPECT_TRUE(loop->is_listening());
    ASSERT_TRUE(run_until([&] { return !loop->is_listening(); }));
    ::shutdown(listeners[0].get(), SHUT_RDWR);
    listeners.clear();
    EXPECT_EQ(recorder.opened.size(), 60u);
    for (const TcpClient& client : clients) client.send("x");
    EXPECT_TRUE(run_until([&] {
        return std::ranges::all_of(recorder.sockets, [](const auto& entry) { return entry.second.received == "x"; });
    }));
}

// Who waits for a slot gets it.
TEST_P(LoopAccept, StopsListeningWhileItIsPaused) {
    settings.slots_count_max = 1;
    OPEN_OR_SKIP();
    const TcpClient one(port);
    const TcpClient other(port);
    ASSERT_TRUE(run_until_open(1));
    run_for(20 * ms);
    loop->stop_listening();
    run_for(20 * ms);
    EXPECT_TRUE(loop->is_listening());
    EXPECT_TRUE(close_and_wait(recorder.opened[0]));
    ASSERT_TRUE(run_until([&] { return !loop->is_listening(); }));
    EXPECT_EQ(recorder.opened.size(), 2u);
}

// --- several listeners -----------------------------------------------------------------------------------------------

TEST_P(LoopAccept, TellsThroughWhichListenerSomebodyCame) {
    listeners_count = 3;
    OPEN_OR_SKIP();
    std::vector<TcpClient> clients;
    for (std::size_t i = 0; i < 9; ++i) {
        clients.emplace_back(ports[i % 3]);
        ASSERT_TRUE(run_until_open(i + 1));
        EXPECT_EQ(recorder.sockets[recorder.opened.back()].listener, i % 3);
    }
    for (const TcpClient& client : clients) client.send("served");
    EXPECT_TRUE(run_until([&] {
        return std::ranges::all_of(recorder.sockets,
                                   [](const auto& entry) { return entry.second.received == "served"; });
    }));
}

// The slots are shared. Whoever finds none waits, at whichever listener, and nobody is turned away for the last of
// them.
TEST_P(LoopAccept, ListenersShareTheSlots) {
    for (const std::uint32_t slots_count : {1u, 2u, 3u, 4u, 5u, 8u}) {
        settings.slots_count_max = slots_count;
        listeners_count = 4;
        recorder = {};
        ports.clear();
        OPEN_OR_SKIP();
        std::vector<TcpClient> clients;
        for (std::size_t i = 0; i < 12; ++i) clients.emplace_back(ports[i % 4]);
        ASSERT_TRUE(run_until_open(slots_count)) << recorder.opened.size() << " of " << slots_count;
        run_for(20 * ms);
        EXPECT_EQ(recorder.opened.size(), slots_count);
        EXPECT_GT(loop->counters().accept_pauses, 0u);
        for (const TcpClient& client : clients) EXPECT_EQ(client.receive_now(), "") << "turned away";
        for (std::size_t i = 0; i < 12; ++i) {
            ASSERT_TRUE(run_until_open(std::min<std::size_t>(i + slots_count, 12))) << i;
            EXPECT_TRUE(close_and_wait(recorder.opened[i]));
        }
        EXPECT_EQ(recorder.opened.size(), 12u);
        EXPECT_EQ(recorder.closed_count, 12);
        loop.reset();
        listeners.clear();
    }
}

// The last free slot belongs to nobody: an idle listener does not keep it from one where somebody waits.
TEST_P(LoopAccept, TheLastSlotIsForWhomeverComes) {
    settings.slots_count_max = 2;
    listeners_count = 3;
    OPEN_OR_SKIP();
    for (std::size_t round = 0; round < 12; ++round) {
        run_for(2 * ms);
        const TcpClient one(ports[round % 3]);
        const TcpClient other(ports[(round / 3) % 3]);
        ASSERT_TRUE(run_until_open(2 * round + 2)) << round;
        EXPECT_TRUE(close_and_wait(recorder.opened[2 * round]));
        EXPECT_TRUE(close_and_wait(recorder.opened[2 * round + 1]));
    }
}

// All listeners are watched again after a pause, and none keeps the loop awake during one.
TEST_P(LoopAccept, APauseIsOneForAllListeners) {
    settings.slots_count_max = 2;
    listeners_count = 2;
    OPEN_OR_SKIP();
    std::vector<TcpClient> clients;
    for (std::size_t i = 0; i < 6; ++i) clients.emplace_back(ports[i % 2]);
    ASSERT_TRUE(run_until_open(2));
    run_for(150 * ms);
    const int before = recorder.iterations_count;
    run_for(300 * ms);
    EXPECT_LE(recorder.iterations_count - before, 10);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(close_and_wait(recorder.opened[i]));
    EXPECT_TRUE(run_until_open(6));
}

TEST_P(LoopAccept, StopsListeningEverywhere) {
    listeners_count = 3;
    settings.slots_count_max = 3;  // one listener accepts, another is polled, in io_uring
    OPEN_OR_SKIP();
    std::vector<TcpClient> before;
    for (const std::uint16_t listener_port : ports) {
        if (before.size() < 2) before.emplace_back(listener_port);
        ASSERT_TRUE(run_until_open(before.size()));
    }
    loop->stop_listening();
    ASSERT_TRUE(run_until([&] { return !loop->is_listening(); }));
    listeners.clear();
    for (const std::uint16_t listener_port : ports)
        EXPECT_FALSE(TcpClient::can_connect(listener_port)) << "the kernel still holds it";
    EXPECT_EQ(recorder.opened.size(), 2u);
}

}  // namespace
}  // namespace sluice
