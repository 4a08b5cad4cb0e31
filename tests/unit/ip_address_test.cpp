// Addresses and networks as texts.
// runs: release asan
#include "engine/core/ip_address.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace sluice {
namespace {

TEST(IpAddressTest, OneClientHasOneAddress) {
    EXPECT_EQ(parse_ip_address("10.0.0.7"), parse_ip_address("::ffff:10.0.0.7"));
    EXPECT_EQ(ip_address_of_peer("10.0.0.7:5123"), parse_ip_address("10.0.0.7"));
    EXPECT_EQ(ip_address_of_peer("[2001:db8::1]:5123"), parse_ip_address("2001:db8::1"));
    EXPECT_EQ(ip_address_of_peer("[fe80::1%eth0]:5123"), parse_ip_address("fe80::1"));
    for (const std::string_view bad : {"unix", "unknown", "", "[", "10.0.0:1"})
        EXPECT_FALSE(ip_address_of_peer(bad).has_value()) << bad;
}

TEST(IpAddressTest, Ipv6IsCountedByItsNetwork) {
    EXPECT_EQ(counted_address(*parse_ip_address("2001:db8:0:1:2::3")), *parse_ip_address("2001:db8:0:1::"));
    EXPECT_EQ(counted_address(*parse_ip_address("10.0.0.7")), *parse_ip_address("10.0.0.7"));
}

TEST(IpAddressTest, WhatIsWrittenIsReadBack) {
    for (const std::string_view text : {"10.0.0.7", "2001:db8::1", "::1", "0.0.0.0", "::"})
        EXPECT_EQ(format_ip_address(*parse_ip_address(text)), text);
    EXPECT_EQ(format_ip_address(*parse_ip_address("::ffff:10.0.0.7")), "10.0.0.7");
    for (const std::string_view text : {"10.1.0.0/16", "0.0.0.0/0", "10.0.0.7", "2001:db8::/32", "::/0", "::1"})
        EXPECT_EQ(format_ip_network(*parse_ip_network(text)), text);
}

TEST(IpAddressTest, ANetworkContainsItsAddresses) {
    struct Row {
        std::string_view network, address;
        bool is_in;
    };
    for (const Row& row : {Row{"10.1.0.0/16", "10.1.255.3", true},
                           {"10.1.0.0/16", "10.2.0.1", false},
                           {"10.1.0.0/16", "::ffff:10.1.0.1", true},
                           {"10.1.2.3", "10.1.2.3", true},
                           {"10.1.2.3", "10.1.2.4", false},
                           {"10.1.2.2/31", "10.1.2.3", true},
                           {"0.0.0.0/0", "192.0.2.1", true},
                           {"0.0.0.0/0", "2001:db8::1", false},
                           {"2001:db8::/33", "2001:db8:7fff::1", true},
                           {"2001:db8::/33", "2001:db8:8000::1", false},
                           {"::/0", "10.0.0.1", true}}) {
        const auto network = parse_ip_network(row.network);
        ASSERT_TRUE(network.has_value()) << row.network;
        EXPECT_EQ(network->contains(*parse_ip_address(row.address)), row.is_in) << row.network << " " << row.address;
    }
}

TEST(IpAddressTest, ANetworkIsWrittenExactly) {
    for (const std::string_view bad : {"10.1.2.3/16", "10.1.0.0/33", "10.1.0.0/", "10.1.0.0/a", "10.1.0.0/-1",
                                       "10.1/16", "2001:db8::/129", "2001:db8::1/64", "", "/8", "localhost"})
        EXPECT_FALSE(parse_ip_network(bad).has_value()) << bad;
}

}  // namespace
}  // namespace sluice
