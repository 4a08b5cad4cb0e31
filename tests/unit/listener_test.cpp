// Listening sockets: both versions of IP on one port, and Unix sockets with their file.
// runs: release asan
#include "engine/io/listener.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/tcp_client.hpp"

namespace sluice::io {
namespace {

class ListenerTest : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/sluice-listener-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        directory = name;
        path = directory + "/socket";
    }
    void TearDown() override { std::filesystem::remove_all(directory); }

    // errno of the attempt, 0 if somebody answers.
    [[nodiscard]] int connect() const {
        const Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path.c_str());
        const auto* generic = reinterpret_cast<const sockaddr*>(&address);
        return ::connect(client.get(), generic, sizeof address) == 0 ? 0 : errno;
    }
    [[nodiscard]] std::optional<unsigned> mode() const {
        struct stat status{};
        if (::stat(path.c_str(), &status) != 0) return std::nullopt;
        return status.st_mode & 0777u;
    }

    std::string directory;
    std::string path;
};

TEST_F(ListenerTest, AUnixSocketServesItsOwnerAndItsGroup) {
    const auto listener = open_unix_listener(path);
    ASSERT_TRUE(listener.has_value()) << listener.error().sentence;
    EXPECT_EQ(mode(), socket_file_mode_bits);
    EXPECT_EQ(connect(), 0);
}

TEST_F(ListenerTest, ItsFileGoesWithIt) {
    {
        auto listener = open_unix_listener(path);
        ASSERT_TRUE(listener.has_value());
        const UnixListener moved = std::move(*listener);
        EXPECT_TRUE(mode().has_value());
    }
    EXPECT_FALSE(mode().has_value());
}

TEST_F(ListenerTest, AFileThatAKilledProgramLeftIsReplaced) {
    auto killed = open_unix_listener(path);
    ASSERT_TRUE(killed.has_value());
    killed->socket.reset();
    EXPECT_EQ(connect(), ECONNREFUSED);
    const auto next = open_unix_listener(path);
    ASSERT_TRUE(next.has_value()) << next.error().sentence;
    EXPECT_EQ(connect(), 0);
    killed->file = {};
    EXPECT_EQ(connect(), 0) << "the first removed the file of the second";
}

TEST_F(ListenerTest, APathWhereSomebodyListensIsInUse) {
    const auto first = open_unix_listener(path);
    ASSERT_TRUE(first.has_value());
    const auto second = open_unix_listener(path);
    ASSERT_FALSE(second.has_value());
    EXPECT_TRUE(second.error().is_in_use);
    EXPECT_NE(second.error().sentence.find(path), std::string::npos);
    EXPECT_EQ(connect(), 0) << "the first is still there";
}

TEST_F(ListenerTest, AFileThatIsNoSocketStays) {
    std::ofstream(path) << "precious";
    const auto listener = open_unix_listener(path);
    ASSERT_FALSE(listener.has_value());
    EXPECT_FALSE(listener.error().is_in_use) << "nobody waits for it to go";
    EXPECT_EQ(std::filesystem::file_size(path), 8u);
}

TEST_F(ListenerTest, APathThatDoesNotFitOrIsNotThereIsAnError) {
    EXPECT_FALSE(open_unix_listener(directory + "/" + std::string(200, 'x')).has_value());
    EXPECT_FALSE(open_unix_listener(directory + "/absent/socket").has_value());
}

TEST(TcpListener, BothVersionsOfIpShareAPort) {
    const auto v4 = open_listener({"0.0.0.0", 0});
    ASSERT_TRUE(v4.has_value());
    const std::uint16_t port = port_of(*v4);
    const auto both = open_listener({"::", port});
    if (!both && !both.error().is_in_use) GTEST_SKIP() << both.error().sentence;
    EXPECT_FALSE(both.has_value()) << "[::] alone means both";
    const auto v6 = open_listener({"::", port, false, true});
    EXPECT_TRUE(v6.has_value()) << v6.error().sentence;
}

// It finds a program that listens, and nobody can connect to it.
TEST(Listener, AClaimTakesNobodyIn) {
    const auto claim = open_listener({.address = "127.0.0.1", .port = 0, .is_claim_only = true});
    ASSERT_TRUE(claim.has_value()) << claim.error().sentence;
    const std::uint16_t port = port_of(*claim);
    EXPECT_NE(port, 0);
    EXPECT_FALSE(tests::TcpClient::can_connect(port));
    const auto listener = open_listener({.address = "127.0.0.1", .port = 0, .is_shared = true});
    ASSERT_TRUE(listener.has_value());
    const auto taken =
        open_listener({.address = "127.0.0.1", .port = port_of(*listener), .is_shared = false, .is_claim_only = true});
    ASSERT_FALSE(taken.has_value());
    EXPECT_TRUE(taken.error().is_in_use);
}

// A listener that drops handshakes has those who were there before in its backlog, and nobody else.
TEST(Listener, DropsHandshakes) {
    for (const char* const ip : {"127.0.0.1", "::1"}) {
        const auto listener = open_listener({ip, 0});
        if (!listener && std::string_view(ip) == "::1") continue;  // no IPv6 here
        ASSERT_TRUE(listener.has_value()) << listener.error().sentence;
        const auto begin_connecting = [&] {
            Descriptor client(::socket(ip[0] == ':' ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
            sockaddr_storage address{};
            socklen_t length = sizeof address;
            EXPECT_EQ(::getsockname(listener->get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
            static_cast<void>(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), length));
            return client;
        };
        const auto is_connected = [](const Descriptor& client, int patience_ms) {
            pollfd writable{client.get(), POLLOUT, 0};
            return ::poll(&writable, 1, patience_ms) == 1 && (writable.revents & (POLLERR | POLLHUP)) == 0;
        };
        EXPECT_FALSE(has_waiting(listener->get()));
        const Descriptor before = begin_connecting();
        EXPECT_TRUE(is_connected(before, 20'000));
        drop_handshakes(*listener);
        const Descriptor after = begin_connecting();
        EXPECT_FALSE(is_connected(after, 100));
        EXPECT_TRUE(has_waiting(listener->get()));
        const Descriptor accepted(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
        EXPECT_TRUE(accepted.is_open());
        EXPECT_FALSE(has_waiting(listener->get()));
        EXPECT_EQ(::send(before.get(), "x", 1, MSG_NOSIGNAL), 1);
        char received = 0;
        EXPECT_EQ(::recv(accepted.get(), &received, 1, 0), 1) << "who was accepted is heard";
    }
}

TEST_F(ListenerTest, AUnixListenerDropsNobody) {
    const auto listener = open_unix_listener(path);
    ASSERT_TRUE(listener.has_value());
    drop_handshakes(listener->socket);
    EXPECT_EQ(connect(), 0);
    EXPECT_TRUE(has_waiting(listener->socket.get()));
    EXPECT_EQ(handshake_ns_max(listener->socket), 0u);
}

}  // namespace
}  // namespace sluice::io
