// Both loops: receiving, sending, ending and waiting, with peers that reset, never read, or leave too early.
// runs: release asan tsan
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/core/clock.hpp"
#include "tests/support/loop_test.hpp"
#include "tests/support/refused_submissions.hpp"
#include "tests/support/tcp_client.hpp"

namespace sluice {
namespace {

using tests::ms;
using tests::patience_ns;
using tests::pattern;
using tests::Slot;
using tests::TcpClient;

class Loop : public tests::LoopTest {};

INSTANTIATE_TEST_SUITE_P(Backends, Loop, testing::Values(io::Backend::io_uring, io::Backend::epoll),
                         [](const auto& test) { return std::string(io::name_of(test.param)); });

// --- receiving -------------------------------------------------------------------------------------------------------

TEST_P(Loop, DeliversBytesAndTheEnd) {
    OPEN_OR_SKIP();
    TcpClient client(port);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    const std::string text = pattern(5000);
    client.send(text);
    ASSERT_TRUE(run_until([&] { return recorder.sockets[slot].received.size() == text.size(); }));
    EXPECT_EQ(recorder.sockets[slot].received, text);
    EXPECT_LE(recorder.pieces_max, 256u);
    client.half_close();
    ASSERT_TRUE(run_until([&] { return recorder.sockets[slot].has_ended; }));
    EXPECT_TRUE(close_and_wait(slot));
    EXPECT_EQ(client.receive_now(), "<end>");
    EXPECT_EQ(loop->counters().received_bytes, text.size());
    EXPECT_EQ(loop->counters().open_slots, 0u);
}

// Also twice, and with the receive armed; the socket closes as ever.
TEST_P(Loop, NamesThePeer) {
    OPEN_OR_SKIP();
    TcpClient client(port);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    const std::string peer = loop->peer_of(slot);
    if (is_uring() && peer == "unknown") GTEST_SKIP() << "this kernel lends no direct descriptors (Linux 6.8)";
    EXPECT_TRUE(peer.starts_with("127.0.0.1:")) << peer;
    EXPECT_EQ(loop->peer_of(slot), peer);
    client.send("bytes");
    ASSERT_TRUE(run_until([&] { return recorder.sockets[slot].received == "bytes"; }));
    EXPECT_TRUE(close_and_wait(slot));
    EXPECT_EQ(client.receive_now(), "<end>") << "no lent descriptor keeps the socket open";
    EXPECT_EQ(loop->peer_of(slot), "unknown");
}

// What the peer has not read is told while a send waits for room, and changes when the peer reads.
TEST_P(Loop, TellsWhatThePeerHasNotRead) {
    OPEN_OR_SKIP();
    TcpClient client(port, 4096);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    const std::string text = pattern(16 * 1024 * 1024);
    loop->send(slot, text);
    std::optional<std::uint64_t> unread_bytes;
    const auto is_settled = [&] {  // the kernels go on for a moment, in steps of 200 ms (tcp(7), a window of zero)
        unread_bytes = loop->unread_bytes(slot);
        run_for(300 * ms);
        return loop->unread_bytes(slot) == unread_bytes;
    };
    ASSERT_TRUE(run_until(is_settled));
    if (is_uring() && !unread_bytes) GTEST_SKIP() << "this kernel lends no direct descriptors (Linux 6.8)";
    ASSERT_TRUE(unread_bytes.has_value());
    EXPECT_GT(*unread_bytes, 0u);
    EXPECT_EQ(recorder.sockets[slot].sent_count, 0) << "or this test shows nothing";
    std::string read;
    EXPECT_TRUE(run_until([&] {
        read += client.receive_now();
        return loop->unread_bytes(slot) != unread_bytes;
    }));
    EXPECT_GT(read.size(), 0u);
    EXPECT_TRUE(close_and_wait(slot));
    EXPECT_FALSE(loop->unread_bytes(slot).has_value());
}

// Thirty connections share two buffers: receives starve, and every byte arrives nevertheless, in order.
TEST_P(Loop, RecoversFromWantOfBuffers) {
    OPEN_OR_SKIP();
    constexpr std::size_t clients_count = 30;
    std::vector<TcpClient> clients;
    for (std::size_t i = 0; i < clients_count; ++i) clients.emplace_back(port);
    for (unsigned i = 0; i < clients_count; ++i) clients[i].send(pattern(20'000, i));
    std::size_t received = 0;
    recorder.after_bytes = [&](Slot) { received = static_cast<std::size_t>(loop->counters().received_bytes); };
    ASSERT_TRUE(run_until([&] { return received == clients_count * 20'000; })) << received;
    // epoll has one buffer for all, which is free whenever it receives.
    EXPECT_EQ(loop->counters().buffer_shortages > 0, is_uring()) << "or this test shows nothing";
    std::vector<std::string> texts;
    for (const auto& [slot, socket] : recorder.sockets) texts.push_back(socket.received);
    std::vector<std::string> expected;
    for (unsigned i = 0; i < clients_count; ++i) expected.push_back(pattern(20'000, i));
    std::ranges::sort(texts);
    std::ranges::sort(expected);
    EXPECT_EQ(texts, expected);
}

TEST_P(Loop, AClosedConnectionThatStarvedIsNoTrouble) {
    OPEN_OR_SKIP();
    std::vector<TcpClient> clients;
    for (int i = 0; i < 20; ++i) clients.emplace_back(port);
    for (const TcpClient& client : clients) client.send(pattern(20'000));
    recorder.after_bytes = [&](Slot slot) {
        if (recorder.sockets[slot].received.size() > 1000) close(slot);
    };
    EXPECT_TRUE(run_until([&] { return recorder.closed_count == 20; }));
    EXPECT_EQ(loop->counters().buffer_shortages > 0, is_uring());
    clients.clear();
    TcpClient next(port);
    ASSERT_TRUE(run_until_open(21));
    next.send("x");
    EXPECT_TRUE(run_until([&] { return recorder.sockets[recorder.opened.back()].received == "x"; }));
}

// Pieces that fill the buffer exactly, and an end of stream that comes with the bytes: nothing is left unread, and the
// padding behind a piece can be read.
TEST_P(Loop, ReceivesWholeBuffersAndAnEndAtOnce) {
    settings.padding_bytes = 64;
    OPEN_OR_SKIP();
    for (const std::size_t bytes : {255, 256, 257, 512, 20 * 256}) {
        TcpClient client(port);
        const std::string text = pattern(bytes);
        client.send(text);
        client.half_close();
        const std::size_t count = recorder.opened.size();
        ASSERT_TRUE(run_until_open(count + 1));
        const Slot slot = recorder.opened.back();
        ASSERT_TRUE(run_until([&] { return recorder.sockets[slot].has_ended; })) << bytes;
        EXPECT_EQ(recorder.sockets[slot].received, text);
        EXPECT_TRUE(close_and_wait(slot));
    }
}

// What came while receiving was paused, the end included, is there when it goes on; a paused peer costs nothing.
TEST_P(Loop, APausedPeerThatLeavesCostsNothing) {
    OPEN_OR_SKIP();
    TcpClient client(port);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    loop->pause_receive(slot);
    run_for(5 * ms);
    loop->shutdown_send(slot);
    client.send("last words");
    client.close();
    run_for(20 * ms);
    const int before = recorder.iterations_count;
    run_for(100 * ms);
    EXPECT_LE(recorder.iterations_count - before, 3);
    EXPECT_EQ(recorder.sockets[slot].received, "");
    loop->resume_receive(slot);
    EXPECT_TRUE(run_until([&] { return recorder.sockets[slot].has_ended || recorder.sockets[slot].has_failed; }));
    EXPECT_EQ(recorder.sockets[slot].received, "last words");
    EXPECT_TRUE(close_and_wait(slot));
}

TEST_P(Loop, PausesAndResumesReceiving) {
    OPEN_OR_SKIP();
    TcpClient client(port);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    for (int round = 0; round < 5; ++round) {
        loop->pause_receive(slot);
        run_for(10 * ms);
        const std::size_t before = recorder.sockets[slot].received.size();
        client.send("xyz");
        run_for(20 * ms);
        EXPECT_EQ(recorder.sockets[slot].received.size(), before);
        loop->resume_receive(slot);
        EXPECT_TRUE(run_until([&] { return recorder.sockets[slot].received.size() == before + 3; }));
    }
    // Within one iteration: the cancellation is on its way when the receive is wanted again.
    loop->pause_receive(slot);
    loop->resume_receive(slot);
    client.send("!");
    EXPECT_TRUE(run_until([&] { return recorder.sockets[slot].received.back() == '!'; }));
}

// What waits is seen whether the loop receives or not, and is not taken.
TEST_P(Loop, TellsWhetherInputWaits) {
    OPEN_OR_SKIP();
    TcpClient client(port);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    const auto check = [&] {
        const std::size_t count = recorder.sockets[slot].checks.size();
        loop->check_input(slot);
        EXPECT_TRUE(run_until([&] { return recorder.sockets[slot].checks.size() > count; }));
        return recorder.sockets[slot].checks.back();
    };
    EXPECT_EQ(check(), "empty");
    loop->pause_receive(slot);
    run_for(5 * ms);
    client.send("first");
    EXPECT_EQ(check(), "waiting");
    EXPECT_EQ(check(), "waiting");
    EXPECT_EQ(recorder.sockets[slot].received, "");
    loop->resume_receive(slot);
    ASSERT_TRUE(run_until([&] { return recorder.sockets[slot].received == "first"; }));
    EXPECT_EQ(check(), "empty");
    client.send("second");
    const std::string said = check();
    EXPECT_TRUE(said == "waiting" || recorder.sockets[slot].received == "firstsecond") << said;
    ASSERT_TRUE(run_until([&] { return recorder.sockets[slot].received == "firstsecond"; }));
    loop->pause_receive(slot);
    run_for(5 * ms);
    client.half_close();
    EXPECT_EQ(check(), "waiting") << "the end of the stream";
    loop->resume_receive(slot);
    EXPECT_TRUE(run_until([&] { return recorder.sockets[slot].has_ended; }));
}

TEST_P(Loop, AResetMayBeFoundByACheck) {
    OPEN_OR_SKIP();
    TcpClient client(port);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    loop->pause_receive(slot);
    run_for(5 * ms);
    client.reset();
    loop->check_input(slot);
    ASSERT_TRUE(run_until([&] { return recorder.sockets[slot].has_failed; }));
    EXPECT_TRUE(close_and_wait(slot));
}

TEST_P(Loop, ClosesWhileInputIsChecked) {
    OPEN_OR_SKIP();
    const TcpClient client(port);
    ASSERT_TRUE(run_until_open(1));
    loop->check_input(recorder.opened[0]);
    EXPECT_TRUE(close_and_wait(recorder.opened[0]));
    const TcpClient next(port);
    ASSERT_TRUE(run_until_open(2)) << "the slot is used again";
    run_for(5 * ms);
    EXPECT_TRUE(recorder.sockets[recorder.opened[1]].checks.empty());
}

// --- sending ---------------------------------------------------------------------------------------------------------

TEST_P(Loop, SendsMoreThanSocketBuffersHold) {
    OPEN_OR_SKIP();
    // With the usual receive buffer: through one below a segment's size the kernel sends a piece every 200 ms.
    const TcpClient client(port);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    const std::string text = pattern(32 * 1024 * 1024);
    loop->send(slot, text);
    std::string received;
    run_for(20 * ms);
    EXPECT_EQ(recorder.sockets[slot].sent_count, 0) << "nobody has read it yet";
    ASSERT_TRUE(run_until([&] {
        received += client.receive_now();
        return received.size() >= text.size();
    }));
    EXPECT_TRUE(received == text);
    EXPECT_TRUE(run_until([&] { return recorder.sockets[slot].sent_count == 1; }));
    loop->shutdown_send(slot);
    EXPECT_TRUE(run_until([&] { return client.receive_now() == "<end>"; }));
    EXPECT_EQ(loop->counters().sent_bytes, text.size());
}

// Nothing else happens that could end the wait.
TEST_P(Loop, TellsOfSendsAndClosesAtOnce) {
    OPEN_OR_SKIP();
    const TcpClient client(port);
    ASSERT_TRUE(run_until_open(1));
    run_for(20 * ms);
    const Slot slot = recorder.opened[0];
    const std::uint64_t begin_ns = monotonic_ns();
    loop->send(slot, std::string_view("pong"));
    while (recorder.sockets[slot].sent_count == 0) loop->run_once(begin_ns + patience_ns);
    close(slot);
    while (recorder.closed_count == 0) loop->run_once(begin_ns + patience_ns);
    EXPECT_LT(monotonic_ns() - begin_ns, patience_ns / 2);
}

TEST_P(Loop, AHalfClosedConnectionStillReceives) {
    OPEN_OR_SKIP();
    const TcpClient client(port);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    loop->shutdown_send(slot);
    ASSERT_TRUE(run_until([&] { return client.receive_now() == "<end>"; }));
    client.send("still here");
    EXPECT_TRUE(run_until([&] { return recorder.sockets[slot].received == "still here"; }));
}

// One ring of eight entries, thirty sends at once: the submission queue overflows and nothing gets lost.
TEST_P(Loop, SendsToManyInOneIteration) {
    OPEN_OR_SKIP();
    constexpr std::size_t clients_count = 30;
    std::vector<TcpClient> clients;
    for (std::size_t i = 0; i < clients_count; ++i) clients.emplace_back(port);
    ASSERT_TRUE(run_until_open(clients_count));
    for (int round = 1; round <= 20; ++round) {
        for (const Slot slot : recorder.opened) loop->send(slot, std::string_view("pong"));
        ASSERT_TRUE(run_until([&] {
            return std::ranges::all_of(recorder.opened,
                                       [&](Slot slot) { return recorder.sockets[slot].sent_count == round; });
        })) << round;
    }
    for (const TcpClient& client : clients) EXPECT_EQ(client.receive_now().size(), 80u);
}

// The kernel takes submissions only together with a wait, while both queues of the ring overflow: the loop neither
// aborts nor forgets anybody.
TEST_P(Loop, ServesManyAlthoughTheKernelWantsCompletionsReapedFirst) {
    if (!is_uring()) GTEST_SKIP() << "does not apply: epoll has no queue of submissions";
    std::thread([&] {
        tests::refuse_submissions(tests::Refused::submissions_unwaited, EBUSY);
        if (!open()) return;
        constexpr std::size_t clients_count = 30;
        std::vector<TcpClient> clients;
        for (std::size_t i = 0; i < clients_count; ++i) clients.emplace_back(port);
        ASSERT_TRUE(run_until_open(clients_count));
        for (int round = 1; round <= 20; ++round) {
            for (const TcpClient& client : clients) client.send("ping");
            for (const Slot slot : recorder.opened) loop->send(slot, std::string_view("pong"));
            ASSERT_TRUE(run_until([&] {
                return std::ranges::all_of(recorder.sockets,
                                           [&](const auto& entry) { return entry.second.sent_count == round; });
            })) << round;
        }
        for (const Slot slot : recorder.opened) close(slot);
        EXPECT_TRUE(run_until([&] { return recorder.closed_count == int{clients_count}; }));
        EXPECT_EQ(loop->counters().unexpected_results_count, 0u);
        loop.reset();  // by the thread that made it
    }).join();
    if (!unavailable.empty()) GTEST_SKIP() << unavailable;
}

// --- endings ---------------------------------------------------------------------------------------------------------

TEST_P(Loop, APeerThatResets) {
    OPEN_OR_SKIP();
    TcpClient client(port);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    client.reset();
    ASSERT_TRUE(run_until([&] { return recorder.sockets[slot].has_failed; }));
    EXPECT_TRUE(close_and_wait(slot));
}

TEST_P(Loop, APeerThatResetsWhileItIsSentTo) {
    OPEN_OR_SKIP();
    TcpClient client(port, 4096);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    const std::string text = pattern(16 * 1024 * 1024);
    loop->send(slot, text);
    run_for(5 * ms);
    client.reset();
    bool was_told = false;
    ASSERT_TRUE(run_until([&] { return was_told = recorder.sockets[slot].has_failed; }));
    EXPECT_TRUE(close_and_wait(slot));
}

// The kernel holds a receive and a stuck send; it lets go of both before the slot is said to be closed.
TEST_P(Loop, ClosesWithOperationsInFlight) {
    OPEN_OR_SKIP();
    const TcpClient client(port, 4096);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    auto text = std::make_unique<std::string>(pattern(16 * 1024 * 1024));
    loop->send(slot, *text);
    run_for(5 * ms);
    EXPECT_TRUE(close_and_wait(slot));
    text.reset();  // under ASan: nobody reads it any more
    run_for(5 * ms);
    EXPECT_EQ(recorder.closed_count, 1);
}

// A reset is discovered by a send whose slot is closed already: no event any more.
TEST_P(Loop, ClosesWhatFailsMeanwhile) {
    OPEN_OR_SKIP();
    TcpClient client(port);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    client.reset();
    loop->send(slot, std::string_view("too late"));
    EXPECT_TRUE(close_and_wait(slot));
}

// Many pieces lie in the completion queue when the first makes the server close.
TEST_P(Loop, ClosesWithBytesOnTheirWay) {
    settings.receive_buffers_count = 64;
    OPEN_OR_SKIP();
    TcpClient client(port);
    ASSERT_TRUE(run_until_open(1));
    const Slot slot = recorder.opened[0];
    client.send(pattern(10'000));
    recorder.after_bytes = [&](Slot closing) { close(closing); };
    EXPECT_TRUE(run_until([&] { return recorder.closed_count == 1; }));
    EXPECT_EQ(recorder.sockets[slot].received.size(), 256u);
    EXPECT_EQ(loop->counters().receives > 1, is_uring()) << "or this test shows nothing; epoll receives piece by piece";
}

TEST_P(Loop, ClosesInTheIterationOfOpening) {
    OPEN_OR_SKIP();
    recorder.after_bytes = [&](Slot slot) { close(slot); };
    for (int i = 0; i < 100; ++i) {
        const TcpClient client(port);
        client.send("now");
        ASSERT_TRUE(run_until([&] { return recorder.closed_count == i + 1; })) << i;
    }
    EXPECT_EQ(loop->counters().accepted, 100u);
}

// --- waiting ---------------------------------------------------------------------------------------------------------

TEST_P(Loop, WakesFromAnotherThread) {
    OPEN_OR_SKIP();
    for (int i = 0; i < 50; ++i) {
        std::thread other([&] { loop->wake(); });
        loop->run_once(0);  // returns
        other.join();
    }
}

TEST_P(Loop, WaitsUntilTheDeadline) {
    OPEN_OR_SKIP();
    const std::uint64_t end_ns = monotonic_ns() + 30 * ms;
    run_for(30 * ms);
    EXPECT_GE(recorder.now, end_ns);
    // A wait may be cut short: the kernel interrupts it to take the ring of an earlier test down.
    EXPECT_LE(recorder.iterations_count, 3);
    const std::uint64_t then_ns = monotonic_ns();
    loop->run_once(1);  // long past
    EXPECT_LT(monotonic_ns() - then_ns, patience_ns / 2);
}

// Who answers clients from another thread wakes the loop when he can: requests that gather are not to delay that, as
// the clients that wait for him send nothing. The loop would let them gather for long here.
TEST_P(Loop, AWakeUpIsNotKeptWaitingForClientsThatWait) {
    settings.busy_wait_ns = patience_ns;
    settings.receive_buffers_count = 16;
    OPEN_OR_SKIP();
    std::vector<TcpClient> clients;
    for (int i = 0; i < 8; ++i) clients.emplace_back(port);
    ASSERT_TRUE(run_until_open(clients.size()));
    for (const TcpClient& client : clients) client.send("x");
    ASSERT_TRUE(run_until([&] { return loop->counters().receives == clients.size(); }));
    loop->wake();
    const std::uint64_t then_ns = monotonic_ns();
    loop->run_once(then_ns + 2 * patience_ns);
    EXPECT_LT(monotonic_ns() - then_ns, patience_ns / 2);
}

// Waiting is no work; what the server does in an iteration, and its owner between two of them, is.
TEST_P(Loop, KnowsItsLongestIteration) {
    OPEN_OR_SKIP();
    const auto work_for = [](std::uint64_t duration_ns) {
        for (const std::uint64_t end_ns = monotonic_ns() + duration_ns; monotonic_ns() < end_ns;) {
        }
    };
    run_for(500 * ms);
    EXPECT_LT(loop->counters().iteration_ns_max, 450 * ms);
    recorder.at_iteration = [&] { work_for(20 * ms); };
    loop->run_once(1);
    recorder.at_iteration = nullptr;
    loop->run_once(1);
    EXPECT_GE(loop->counters().iteration_ns_max, 20 * ms);
    EXPECT_GE(loop->counters().iteration_ns_last, 20 * ms);
    work_for(200 * ms);
    loop->run_once(1);
    EXPECT_GE(loop->counters().iteration_ns_max, 200 * ms);
    EXPECT_GE(loop->counters().iteration_ns_last, 200 * ms);
    loop->forget_longest_iteration();
    EXPECT_EQ(loop->counters().iteration_ns_max, 0u);
    loop->run_once(1);
    EXPECT_GT(loop->counters().iteration_ns_max, 0u);
}

}  // namespace
}  // namespace sluice
