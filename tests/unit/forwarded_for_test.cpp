// X-Forwarded-For: whose address a list of proxies tells.
// runs: release asan
#include "parsers/http/forwarded_for.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::parsers {
namespace {

std::string client_of(std::string_view list) {
    const std::vector<IpNetwork> trusted{*parse_ip_network("10.0.0.0/8"), *parse_ip_network("2001:db8::/32")};
    const auto client = forwarded_client(list, trusted);
    return client ? format_ip_address(*client) : "the peer";
}

TEST(ForwardedForTest, TheRightmostThatIsNotTrustedIsTheClient) {
    EXPECT_EQ(client_of("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(client_of("192.0.2.1, 10.0.0.1"), "192.0.2.1");
    EXPECT_EQ(client_of("192.0.2.1,10.0.0.1 ,\t2001:db8::7"), "192.0.2.1");
    EXPECT_EQ(client_of("192.0.2.1, 198.51.100.2, 10.0.0.1"), "198.51.100.2") << "what is left of it is not believed";
    EXPECT_EQ(client_of("10.9.9.9, 192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(client_of("2001:db9::1"), "2001:db9::1");
    EXPECT_EQ(client_of("::ffff:192.0.2.1, ::ffff:10.0.0.1"), "192.0.2.1");
    EXPECT_EQ(client_of("10.0.0.2, 10.0.0.1"), "10.0.0.2") << "a client among the proxies";
}

TEST(ForwardedForTest, SomeProxiesAddAPort) {
    EXPECT_EQ(client_of("192.0.2.1:5123"), "192.0.2.1");
    EXPECT_EQ(client_of("192.0.2.1:65535, 10.0.0.1:1"), "192.0.2.1");
    EXPECT_EQ(client_of("[2001:db9::1]"), "2001:db9::1");
    EXPECT_EQ(client_of("[2001:db9::1]:5123"), "2001:db9::1");
}

TEST(ForwardedForTest, WhatIsReadMustBeAddresses) {
    for (const std::string_view bad : {"",
                                       " ",
                                       ",",
                                       "192.0.2.1,",
                                       "unknown",
                                       "_hidden",
                                       "192.0.2",
                                       "192.0.2.1.1",
                                       "192.0.2.1:",
                                       "192.0.2.1:x",
                                       "192.0.2.1:123456",
                                       "[192.0.2.1]",
                                       "[2001:db9::1",
                                       "[2001:db9::1]5",
                                       "[2001:db9::1]:",
                                       "2001:db9::1%eth0",
                                       "\"192.0.2.1\"",
                                       "192.0.2.1 198.51.100.2",
                                       "192.0.2.1, unknown, 10.0.0.1",
                                       "192.0.2.1;10.0.0.1",
                                       "for=192.0.2.1"})
        EXPECT_EQ(client_of(bad), "the peer") << bad;
    EXPECT_EQ(client_of("nonsense, , 192.0.2.1, 10.0.0.1"), "192.0.2.1") << "a client may write what it likes";
    EXPECT_EQ(client_of(",192.0.2.1"), "192.0.2.1");
}

TEST(ForwardedForTest, ALongListIsNoneThatProxiesMake) {
    std::string list = "192.0.2.1";
    for (std::size_t i = 1; i < forwarded_elements_count_max; ++i) list += ",10.0.0.1";
    EXPECT_EQ(client_of(list), "192.0.2.1");
    EXPECT_EQ(client_of(list + ",10.0.0.1"), "the peer");
}

}  // namespace
}  // namespace sluice::parsers
