// Blocking connections to Redis and Sentinels: either address family, and why one failed.
// runs: release asan
#include "sinks/redis/link/blocking_connection.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::tests {
namespace {

using sinks::redis::BlockingTimeouts;
using sinks::redis::connect_blocking;
using sinks::redis::why_failed;

constexpr std::uint64_t timeout_ns = 200'000'000;

// A listener on loopback that accepts and says nothing.
class Listener {
  public:
    explicit Listener(int family) : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in6 address{};  // as large as either
        socklen_t size = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
        if (family == AF_INET6) {
            address.sin6_family = AF_INET6;
            address.sin6_addr = in6addr_loopback;
        } else {
            auto& v4 = reinterpret_cast<sockaddr_in&>(address);
            v4.sin_family = AF_INET;
            v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        }
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        is_listening_ =
            ::bind(fd_, generic, size) == 0 && ::listen(fd_, 8) == 0 && ::getsockname(fd_, generic, &size) == 0;
        port_ = ntohs(address.sin6_port);  // where sockaddr_in has it, too
    }
    ~Listener() { ::close(fd_); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    [[nodiscard]] bool is_listening() const { return is_listening_; }
    [[nodiscard]] std::uint16_t port() const { return port_; }

  private:
    int fd_;
    bool is_listening_ = false;
    std::uint16_t port_ = 0;
};

constexpr BlockingTimeouts timeouts{timeout_ns, timeout_ns};

TEST(BlockingConnection, TakesAnAddressOfEitherFamily) {
    for (const int family : {AF_INET, AF_INET6}) {
        const Listener server(family);
        if (!server.is_listening()) continue;  // no IPv6 here
        const auto connection = connect_blocking(family == AF_INET6 ? "::1" : "127.0.0.1", server.port(), timeouts);
        ASSERT_NE(connection, nullptr);
        EXPECT_EQ(connection->err, 0) << connection->errstr;
    }
}

TEST(BlockingConnection, TellsWhyItFailed) {
    std::uint16_t port = 0;
    {
        const Listener gone(AF_INET);
        port = gone.port();
    }
    const auto refused = connect_blocking("127.0.0.1", port, timeouts);
    ASSERT_NE(refused->err, 0);
    EXPECT_EQ(why_failed(refused, timeout_ns), "Connection refused");
    const Listener silent(AF_INET);
    const auto connection = connect_blocking("127.0.0.1", silent.port(), timeouts);
    ASSERT_EQ(connection->err, 0) << connection->errstr;
    void* const reply = redisCommand(connection.get(), "PING");
    EXPECT_EQ(why_failed(connection, timeout_ns), "no answer within 0.2 s");
    EXPECT_EQ(reply, nullptr);
}

}  // namespace
}  // namespace sluice::tests
