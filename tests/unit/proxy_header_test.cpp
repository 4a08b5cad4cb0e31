// The header of the PROXY protocol: both versions, cut anywhere, and what is none.
// runs: release asan
#include "parsers/proxy/proxy_header.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <tuple>

#include "tests/support/proxy_text.hpp"

namespace sluice::parsers {
namespace {

using namespace std::string_literals;
using State = ProxyResult::State;
using tests::proxy_block;
using tests::proxy_field;
using tests::with_checksum;

std::string told(std::string_view bytes) {
    const ProxyResult result = parse_proxy_header(bytes);
    if (result.state == State::need_more) return "more";
    if (result.state == State::faulty) {
        constexpr std::string_view words[]{"malformed", "too long", "checksum"};
        return std::string(words[static_cast<std::size_t>(result.fault)]);
    }
    EXPECT_LE(result.header.bytes, bytes.size());
    const std::string rest(bytes.substr(result.header.bytes));
    const std::string begin = "v" + std::to_string(result.header.version) + " ";
    if (!result.header.source) return begin + "- " + rest;
    return begin + format_ip_address(result.header.source->address) + " " + std::to_string(result.header.source->port) +
           " " + rest;
}

const std::string v4("\xC0\x00\x02\x01\xC6\x33\x64\x02\x14\x03\x01\xBB", 12);  // 192.0.2.1 198.51.100.2 5123 443
const std::string v6 = std::string("\x20\x01\x0D\xB8", 4) + std::string(11, '\0') + "\x01" + std::string(15, '\0') +
                       "\x01\x14\x03\x01\xBB";

TEST(ProxyHeaderTest, LinesOfVersion1) {
    EXPECT_EQ(told("PROXY TCP4 192.0.2.1 198.51.100.2 5123 443\r\nGET"), "v1 192.0.2.1 5123 GET");
    EXPECT_EQ(told("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "v1 255.255.255.255 65535 ");
    EXPECT_EQ(told("PROXY TCP6 2001:db8::1 ::1 0 443\r\nGET"), "v1 2001:db8::1 0 GET");
    EXPECT_EQ(told("PROXY TCP6 ::ffff:192.0.2.1 ::1 5123 443\r\n"), "v1 192.0.2.1 5123 ");
    EXPECT_EQ(told("PROXY UNKNOWN\r\nGET"), "v1 - GET");
    EXPECT_EQ(told("PROXY UNKNOWN ffff:f...f:ffff whatever it is\r\nGET"), "v1 - GET");
    const std::string longest = "PROXY UNKNOWN " + std::string(proxy_line_bytes_max - 16, 'x') + "\r\n";
    ASSERT_EQ(longest.size(), proxy_line_bytes_max);
    EXPECT_EQ(told(longest + "GET"), "v1 - GET");
}

TEST(ProxyHeaderTest, WhatIsNoLine) {
    for (const std::string_view bad : {"GET / HTTP/1.1\r\n",
                                       "proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
                                       "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
                                       "PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n",
                                       "PROXY \r\n",
                                       "PROXY\r\n",
                                       "PROXY TCP4\r\n",
                                       "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n",
                                       "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
                                       "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n",
                                       "PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n",
                                       "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n",
                                       "PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n",
                                       "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
                                       "PROXY TCP4 192.0.2.1 198.51.100.2 x 2\r\n",
                                       "PROXY TCP4 ::1 ::1 1 2\r\n",
                                       "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n",
                                       "PROXY TCP4 host 198.51.100.2 1 2\r\n",
                                       "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n\r\n",
                                       "PROXY UNKNOWNX\r\n",
                                       "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
                                       "\x16\x03\x01",
                                       " PROXY",
                                       "\n"})
        EXPECT_EQ(told(bad), "malformed") << bad;
    EXPECT_EQ(told("PROXY UNKNOWN " + std::string(proxy_line_bytes_max, 'x') + "\r\n"), "malformed");
    EXPECT_EQ(told("PROXY UNKNOWN " + std::string(proxy_line_bytes_max - 15, 'x') + "\r\n"), "malformed")
        << "108 bytes";
}

TEST(ProxyHeaderTest, BlocksOfVersion2) {
    EXPECT_EQ(told(proxy_block(0x21, 0x11, v4) + "GET"), "v2 192.0.2.1 5123 GET");
    EXPECT_EQ(told(proxy_block(0x21, 0x21, v6) + "GET"), "v2 2001:db8::1 5123 GET");
    EXPECT_EQ(told(proxy_block(0x21, 0x11, v4 + proxy_field(0x05, std::string(128, 'u'))) + "GET"),
              "v2 192.0.2.1 5123 GET");
    for (const auto& [command, family, block] : {std::tuple{0x20, 0x00, ""s},
                                                 {0x20, 0x11, v4},
                                                 {0x20, 0x11, ""s},
                                                 {0x21, 0x00, ""s},
                                                 {0x21, 0x12, v4},
                                                 {0x21, 0x22, v6},
                                                 {0x21, 0x31, std::string(216, 'p')},
                                                 {0x21, 0x41, "xyz"s}})
        EXPECT_EQ(told(proxy_block(command, family, block) + "GET"), "v2 - GET") << command << " " << family;
}

TEST(ProxyHeaderTest, WhatIsNoBlock) {
    for (const int command : {0x00, 0x10, 0x11, 0x22, 0x2F, 0x31})
        EXPECT_EQ(told(proxy_block(command, 0x11, v4)), "malformed");
    EXPECT_EQ(told(proxy_block(0x21, 0x11, v4.substr(0, 11))), "malformed");
    EXPECT_EQ(told(proxy_block(0x21, 0x21, v6.substr(0, 35))), "malformed");
    EXPECT_EQ(told(proxy_block(0x21, 0x11, v4 + "x")), "malformed") << "no whole field";
    EXPECT_EQ(told(proxy_block(0x21, 0x11, v4 + "\x05\x01\x00x"s)), "malformed") << "a field that is longer than all";
    EXPECT_EQ(told("\r\n\r\nGET / HTTP/1.1\r\n"), "malformed");
    EXPECT_EQ(told("\r\n\r\n\0\r\nQUIT\r"s), "malformed");
}

TEST(ProxyHeaderTest, AChecksumIsVerified) {
    const std::string good = with_checksum(0x21, 0x11, v4);
    EXPECT_EQ(told(good + "GET"), "v2 192.0.2.1 5123 GET");
    EXPECT_EQ(told(with_checksum(0x20, 0x00, "") + "GET"), "v2 - GET");
    for (std::size_t at = 16; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x40);
        if (at >= 28 && at < 31) EXPECT_NE(told(bad), "checksum");  // the type and the length of the field
        else EXPECT_EQ(told(bad), "checksum") << at;
    }
    EXPECT_EQ(told(proxy_block(0x21, 0x11, v4 + proxy_field(0x03, "abc"))), "malformed");
}

TEST(ProxyHeaderTest, AHeaderHasABound) {
    const std::size_t room = proxy_header_bytes_max - 16 - v4.size() - 3;
    EXPECT_EQ(told(proxy_block(0x21, 0x11, v4 + proxy_field(0x05, std::string(room, 'u'))) + "GET"),
              "v2 192.0.2.1 5123 GET");
    const std::string long_one = proxy_block(0x21, 0x11, v4 + proxy_field(0x05, std::string(room + 1, 'u')));
    EXPECT_EQ(told(long_one), "too long");
    EXPECT_EQ(told(long_one.substr(0, 16)), "too long") << "told by its length";
    EXPECT_EQ(told(proxy_block(0x20, 0x00, std::string(65'535, '\0'))), "too long");
}

// Each header, cut at every byte: it is not whole until its last byte is there, and never faulty before.
TEST(ProxyHeaderTest, CutAnywhereItWantsMore) {
    for (const std::string& header :
         {"PROXY TCP4 192.0.2.1 198.51.100.2 5123 443\r\n"s, "PROXY TCP6 2001:db8::1 ::1 1 2\r\n"s,
          "PROXY UNKNOWN\r\n"s, "PROXY UNKNOWN a\rb\r\n"s, proxy_block(0x21, 0x11, v4), proxy_block(0x20, 0x00, ""),
          proxy_block(0x21, 0x21, v6 + proxy_field(0x05, "u")), with_checksum(0x21, 0x11, v4)}) {
        for (std::size_t at = 0; at < header.size(); ++at) EXPECT_EQ(told(header.substr(0, at)), "more") << at;
        EXPECT_EQ(told(header).substr(0, 1), "v");
        EXPECT_EQ(told(header + header), told(header) + header);
    }
}

}  // namespace
}  // namespace sluice::parsers
