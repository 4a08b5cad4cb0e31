// Connection and errors: what the application is told of the request that the connection refuses.
// runs: release asan
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/http/connection.hpp"
#include "tests/support/http_harness.hpp"

namespace sluice {
namespace {

using tests::HttpHarness;

TEST(ConnectionRefusal, AnErrorIsToldWithWhatWasRead) {
    HttpHarness harness;
    using Paths = std::vector<std::string>;
    harness.feed("POST /a?x HTTP/1.1\r\nHost: h\r\nbad header: x\r\n");
    EXPECT_EQ(harness.app.refused_paths, Paths{"/a"});
    harness.start_over();
    harness.feed("POST /a?x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx");
    harness.advance(40 * HttpHarness::s);
    EXPECT_EQ(harness.app.refused_paths, Paths{"/a"});
    harness.start_over();
    harness.feed("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n\n");  // behind a whole request
    EXPECT_EQ(harness.app.refused_paths, Paths{""});
    EXPECT_NE(harness.take_sent().find("\"malformed_request_line\""), std::string::npos) << "it has a body";
}

}  // namespace
}  // namespace sluice
