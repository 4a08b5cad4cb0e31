// The grammar of Host and of request targets.
// runs: release asan
#include "parsers/http/target.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sluice {
namespace {

using parsers::is_host;
using parsers::is_target;
using parsers::Method;

// RFC 9110 section 7.2, RFC 3986 section 3.2.2.
constexpr std::string_view hosts[]{"h",
                                   "example.com",
                                   "example.com:8080",
                                   "h:",
                                   "h:0",
                                   "h:99999",
                                   "127.0.0.1:1",
                                   "a_b-c.d~e",
                                   "!$&'()*+,;=",
                                   "%41%c3%a4",
                                   "h%20h",
                                   "[::1]",
                                   "[::1]:8080",
                                   "[::]",
                                   "[::]:",
                                   "[1::]",
                                   "[1:2:3:4:5:6:7:8]",
                                   "[1:2:3:4:5:6:7::]",
                                   "[::2:3:4:5:6:7:8]",
                                   "[2001:DB8::8:800:200c:417a]",
                                   "[::ffff:192.0.2.1]",
                                   "[1:2:3:4:5:6:192.0.2.255]",
                                   "[fe80::1]",
                                   "[v1.a]",
                                   "[vF.a:b!~]:80",
                                   "[V1f.-]"};
constexpr std::string_view no_hosts[]{":",
                                      ":80",
                                      "a:b:c",
                                      "a:80:90",
                                      "a:-1",
                                      "a:+1",
                                      "a:b",
                                      "a: 80",
                                      "a b",
                                      "a/b",
                                      "a?b",
                                      "a#b",
                                      "u@a",
                                      "u:p@a",
                                      "[",
                                      "]",
                                      "[]",
                                      "[]:80",
                                      "[::1",
                                      "::1]",
                                      "::1",
                                      "1:2:3:4:5:6:7:8",
                                      "[::1]80",
                                      "[::1]:x",
                                      "[::1]:80:90",
                                      "[::1]a",
                                      "a[::1]",
                                      "[:1]",
                                      "[1:]",
                                      "[1:::2]",
                                      "[1::2::3]",
                                      "[::1::]",
                                      "[1:2:3:4:5:6:7]",
                                      "[1:2:3:4:5:6:7:8:9]",
                                      "[1:2:3:4:5:6:7:8::]",
                                      "[12345::]",
                                      "[g::]",
                                      "[::1.2.3]",
                                      "[::1.2.3.256]",
                                      "[::01.2.3.4]",
                                      "[::1.2.3.4:5]",
                                      "[1.2.3.4]",
                                      "[fe80::1%25eth0]",
                                      "[fe80::1%eth0]",
                                      "[v.a]",
                                      "[v1.]",
                                      "[vg.a]",
                                      "[v1a]",
                                      "[v1.a/b]",
                                      "%zz",
                                      "%",
                                      "%4",
                                      "a%4",
                                      "a%",
                                      "a%g0",
                                      "a\\b",
                                      "a\"b",
                                      "<a>",
                                      "a\tb",
                                      "\x7f",
                                      "\xc3\xa4",
                                      "a^b",
                                      "a|b",
                                      "{a}",
                                      "a`b"};

TEST(HttpTarget, Hosts) {
    EXPECT_TRUE(is_host("")) << "RFC 9112 section 3.2: sent where the target has no authority";
    for (const std::string_view host : hosts) EXPECT_TRUE(is_host(host)) << host;
    for (const std::string_view host : no_hosts) EXPECT_FALSE(is_host(host)) << host;
    EXPECT_TRUE(is_host(std::string(5000, 'h') + ":80"));
}

TEST(HttpTarget, TheAuthorityOfAUriIsAHost) {
    for (const std::string_view host : hosts) EXPECT_TRUE(is_target("http://" + std::string(host) + "/t", Method::get));
    for (const std::string_view host : no_hosts) {
        if (host.find_first_of("/?") != std::string_view::npos) continue;  // the authority ends there
        EXPECT_FALSE(is_target("http://" + std::string(host) + "/t", Method::get)) << host;
    }
}

TEST(HttpTarget, Targets) {
    for (const std::string_view target :
         {"/", "/telemetry", "/telemetry?ack=queued&precision=ms", "/?", "/?a?/?", "//h/t", "/a;b=c@d:e", "/%41%e4?%00",
          "/!$&'()*+,;=-._~", "http://h", "http://h/", "http://h?x=1", "http://h:80/t?x=1", "HTTP://h/t", "hTTp://h/t"})
        EXPECT_TRUE(is_target(target, Method::post)) << target;
    for (const std::string_view target : {"",
                                          "*",
                                          "telemetry",
                                          "?x",
                                          "h:80",
                                          "http:",
                                          "http:/t",
                                          "http://",
                                          "http:///t",
                                          "http://?x",
                                          "http://u@h/t",
                                          "http://u:p@h/t",
                                          "http://@h/t",
                                          "https://h/t",
                                          "ftp://h/t",
                                          "ws://h/t",
                                          "httpx://h/t",
                                          "://h/t",
                                          "http//h",
                                          "/t#f",
                                          "#",
                                          "http://h/t#f",
                                          "http://h#f",
                                          "/%",
                                          "/%4",
                                          "/%zz",
                                          "/t?x=%g1",
                                          "/t?x=%1",
                                          "/a b",
                                          "/a\tb",
                                          "/a\"b",
                                          "/<a>",
                                          "/a\\b",
                                          "/a^b",
                                          "/a`b",
                                          "/{a}",
                                          "/a|b",
                                          "/a[1]",
                                          "/\x7f",
                                          "/\xc3\xa4",
                                          "*/"})
        EXPECT_FALSE(is_target(target, Method::post)) << target;
    EXPECT_TRUE(is_target("*", Method::options));
    EXPECT_FALSE(is_target("**", Method::options));
    for (const Method method : {Method::get, Method::head, Method::post, Method::other})
        EXPECT_FALSE(is_target("*", method)) << "RFC 9112 section 3.2.4";
}

}  // namespace
}  // namespace sluice
