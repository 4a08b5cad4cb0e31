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
    while (taken.empty() || taken.back() < 59) taken.push_back(::dup(listener_fd));
    ASSERT_TRUE(run_until_open(1)) << "one is taken, which shows that few descriptors are left";
    run_for(250 * ms);
    EXPECT_EQ(recorder.opened.size(), 1u) << "spare descriptors were used";
    EXPECT_EQ(loop->counters().accept_pauses, 1u);
    const int spare = ::dup(listener_fd);
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
    run_for(5 * ms);
    ::close(std::exchange(listener_fd, -1));
    run_for(5 * ms);
    EXPECT_FALSE(TcpClient::can_connect(port)) << "an accept still holds the listener";
    EXPECT_EQ(recorder.opened.size(), 1u);
    before.send("x");
    EXPECT_TRUE(run_until([&] { return recorder.sockets[recorder.opened[0]].received == "x"; }));
}

// Clients that are connected when listening stops are served, though nobody had time to accept them. A ring has no such
// moment: the kernel accepts them as they come, while slots are plenty.
TEST_P(LoopAccept, TakesWhoIsThereWhenItStops) {
    if (is_uring()) GTEST_SKIP() << "does not apply: the kernel accepts by itself";
    OPEN_OR_SKIP();
    run_for(5 * ms);
    std::vector<TcpClient> clients;
    for (int i = 0; i < 20; ++i) clients.emplace_back(port);
    recorder.at_iteration = [&] {
        if (listener_fd < 0) return;
        loop->stop_listening();
        ::shutdown(listener_fd, SHUT_RDWR);
        ::close(std::exchange(listener_fd, -1));
    };
    ASSERT_TRUE(run_until_open(20));
    for (const TcpClient& client : clients) client.send("x");
    EXPECT_TRUE(run_until([&] {
        return std::ranges::all_of(recorder.sockets, [](const auto& entry) { return entry.second.received == "x"; });
    }));
}

TEST_P(LoopAccept, StopsListeningWhileItIsPaused) {
    settings.slots_count_max = 1;
    OPEN_OR_SKIP();
    const TcpClient one(port);
    const TcpClient other(port);
    ASSERT_TRUE(run_until_open(1));
    run_for(20 * ms);
    loop->stop_listening();
    EXPECT_TRUE(close_and_wait(recorder.opened[0]));
    run_for(150 * ms);
    EXPECT_EQ(recorder.opened.size(), 1u);
}

}  // namespace
}  // namespace sluice
