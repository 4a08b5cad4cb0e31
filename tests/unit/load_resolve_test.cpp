// Which of a name's address families a run connects to.
// runs: release long: asan
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstring>

#include "tools/load/run/resolve.hpp"

namespace sluice::load {
namespace {

Addresses ipv4(std::uint16_t port) {
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    ServerAddress one{.bytes = {}, .bytes_count = sizeof address};
    std::memcpy(&one.bytes, &address, sizeof address);
    return {one};
}

Addresses ipv6(std::uint16_t port) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    ServerAddress one{.bytes = {}, .bytes_count = sizeof address};
    std::memcpy(&one.bytes, &address, sizeof address);
    return {one};
}

int family_of(const Addresses& addresses) { return addresses.front().bytes.ss_family; }

// A socket of IPv4 with a port of its own, which listens after listen().
class Port {
  public:
    Port() {
        Addresses any = ipv4(0);
        auto* const address = reinterpret_cast<sockaddr*>(&any.front().bytes);
        EXPECT_EQ(::bind(fd_, address, any.front().bytes_count), 0);
        socklen_t bytes = any.front().bytes_count;
        EXPECT_EQ(::getsockname(fd_, address, &bytes), 0);
        number = ntohs(reinterpret_cast<sockaddr_in*>(address)->sin_port);
    }
    ~Port() { ::close(fd_); }
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;
    void listen() { EXPECT_EQ(::listen(fd_, 8), 0); }
    std::uint16_t number = 0;

  private:
    int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

TEST(LoadResolve, AFamilyThatRefusesIsPassedOver) {
    Port port;
    EXPECT_EQ(family_of(choose_family({ipv6(port.number), ipv4(port.number)})), AF_INET6) << "neither answers";
    port.listen();
    EXPECT_EQ(family_of(choose_family({ipv6(port.number), ipv4(port.number)})), AF_INET);
    EXPECT_EQ(family_of(choose_family({ipv4(port.number), ipv6(port.number)})), AF_INET);
}

TEST(LoadResolve, AnAddressThatRefusesIsPassedOver) {
    Port refusing, listening;
    listening.listen();
    const Addresses both{ipv4(refusing.number).front(), ipv4(listening.number).front()};
    const Addresses chosen = choose_family({both});
    ASSERT_EQ(chosen.size(), 1u);
    EXPECT_EQ(reinterpret_cast<const sockaddr_in&>(chosen[0].bytes).sin_port, htons(listening.number));
    EXPECT_EQ(choose_family({{both[0], both[0]}}).size(), 2u) << "the run's own attempts tell why";
}

TEST(LoadResolve, AnAddressIsResolvedToItself) {
    const auto addresses = resolve({.host = "127.0.0.1", .port = 8080, .host_header = {}, .path = {}});
    ASSERT_TRUE(addresses);
    ASSERT_EQ(addresses->size(), 1u);
    EXPECT_EQ(family_of(*addresses), AF_INET);
}

}  // namespace
}  // namespace sluice::load
