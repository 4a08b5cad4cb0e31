// Response and ResponseRenderer: golden responses byte by byte, and what happens when blocks run out.
// runs: release asan
#include "engine/http/renderer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/http/status.hpp"

namespace sluice {
namespace {

using http::Pending;

constexpr std::time_t rfc_example = 784111777;  // RFC 9110 section 5.6.7
constexpr std::string_view date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

std::string text_of(const http::Output& output) {
    std::string text;
    for (const http::OutputBlock* block = output.first; block != nullptr; block = block->next)
        text.append(block->data, block->end);
    EXPECT_EQ(text.size(), output.bytes);
    return text;
}

class Renderer : public testing::Test {
  protected:
    Renderer() { renderer.set_time(rfc_example); }
    void TearDown() override { EXPECT_EQ(blocks.in_use_count(), 0u); }

    [[nodiscard]] std::string render() {
        http::Output output;
        EXPECT_TRUE(renderer.render(pending, output, blocks));
        std::string text = text_of(output);
        output.clear(blocks);
        return text;
    }

    http::BlockPool blocks{64};
    http::ResponseRenderer renderer{{
                                        {.status = 200, .content_type = "a/b", .headers = {}, .body = "prepared"},
                                        {.status = 204, .content_type = "", .headers = {{"Ack", "stored"}}, .body = ""},
                                    },
                                    http::CorsOrigins({"https://a.example", "http://localhost:3000"})};
    Pending pending{};
};

std::string head(std::string_view status, std::string_view more) {
    return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(date) + std::string(more) + "\r\n";
}

TEST_F(Renderer, APreparedResponse) {
    pending.response.use_prepared(0);
    EXPECT_EQ(render(), head("200 OK", "Content-Type: a/b\r\nContent-Length: 8\r\n") + "prepared");
    EXPECT_EQ(renderer.status_of(pending.response), 200);
    pending.closes = true;
    EXPECT_EQ(render(), head("200 OK", "Content-Type: a/b\r\nContent-Length: 8\r\nConnection: close\r\n") + "prepared");
    pending.closes = false;
    pending.is_http_1_0 = true;
    EXPECT_EQ(render(),
              head("200 OK", "Content-Type: a/b\r\nContent-Length: 8\r\nConnection: keep-alive\r\n") + "prepared");
    pending.is_http_1_0 = false;
    pending.is_head_request = true;
    EXPECT_EQ(render(), head("200 OK", "Content-Type: a/b\r\nContent-Length: 8\r\n"));
}

// RFC 9110 section 8.6: a 204 has no Content-Length.
TEST_F(Renderer, ANoContentHasNeitherLengthNorBody) {
    pending.response.use_prepared(1);
    EXPECT_EQ(render(), head("204 No Content", "Ack: stored\r\n"));
    pending.response.start(204, "");
    pending.response.add_header("Ack", "queued");
    EXPECT_EQ(render(), head("204 No Content", "Ack: queued\r\n"));
}

std::string cors(std::string_view origin) {
    return "Access-Control-Allow-Origin: " + std::string(origin) +
           "\r\nAccess-Control-Expose-Headers: Retry-After, RateLimit, RateLimit-Policy, Sluice-Ack\r\nVary: "
           "Origin\r\n";
}

TEST_F(Renderer, AnAnswerForAPageOfAnotherOriginSaysSo) {
    pending.response.set_cors(1);
    pending.response.use_prepared(0);
    EXPECT_EQ(render(),
              head("200 OK", "Content-Type: a/b\r\nContent-Length: 8\r\n" + cors("https://a.example")) + "prepared");
    pending.response.set_cors(2);
    pending.response.start(204, "");
    EXPECT_EQ(render(), head("204 No Content", cors("http://localhost:3000")));
    pending.closes = true;
    EXPECT_EQ(render(), head("204 No Content", cors("http://localhost:3000") + "Connection: close\r\n"));
    pending.closes = false;
    pending.response.forget_request();
    EXPECT_EQ(render(), head("204 No Content", ""));
}

TEST(CorsOrigins, OriginsAreExact) {
    const http::CorsOrigins origins({"https://a.example", "http://localhost:3000"});
    EXPECT_EQ(origins.number_of("https://a.example"), 1);
    EXPECT_EQ(origins.number_of("http://localhost:3000"), 2);
    for (const std::string_view other : {"", "null", "*", "http://a.example", "https://a.example.net",
                                         "https://a.example/", "https://b.a.example", "https://A.example"})
        EXPECT_EQ(origins.number_of(other), http::no_cors) << other;
    EXPECT_EQ(http::CorsOrigins().number_of(""), http::no_cors);
}

TEST_F(Renderer, EightHeadersStaticAndComputed) {
    pending.response.start(429, "text/plain");
    pending.response.add_header("Retry-After", std::uint64_t{18446744073709551615u});
    pending.response.add_copied_header("RateLimit", std::string("limit=10"));
    for (const char* name : {"A", "B", "C", "D", "E", "F"}) pending.response.add_header(name, "static");
    pending.response.append_body(blocks, "wait");
    EXPECT_EQ(render(), head("429 Too Many Requests",
                             "Content-Type: text/plain\r\nContent-Length: 4\r\nRetry-After: 18446744073709551615\r\n"
                             "RateLimit: limit=10\r\nA: static\r\nB: static\r\nC: static\r\nD: static\r\nE: static\r\n"
                             "F: static\r\n") +
                            "wait");
}

TEST_F(Renderer, BodiesOfEveryLength) {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, http::Response::inline_body_bytes_max,
                                    http::Response::inline_body_bytes_max + 1, std::size_t{20'000}}) {
        pending.response.start(200, "a/b");
        const std::string body(bytes, 'b');
        for (std::size_t at = 0; at < bytes; at += 100) pending.response.append_body(blocks, body.substr(at, 100));
        EXPECT_EQ(pending.response.body_bytes(), bytes);
        EXPECT_EQ(render(),
                  head("200 OK", "Content-Type: a/b\r\nContent-Length: " + std::to_string(bytes) + "\r\n") + body);
    }
}

TEST_F(Renderer, HeadHasTheLengthAndNotTheBody) {
    pending.is_head_request = true;
    for (const std::size_t bytes : {std::size_t{2}, std::size_t{1000}}) {
        pending.response.start(503, "a/b");
        pending.response.append_body(blocks, std::string(bytes, 'b'));
        EXPECT_EQ(render(), head("503 Service Unavailable",
                                 "Content-Type: a/b\r\nContent-Length: " + std::to_string(bytes) + "\r\n"));
    }
}

TEST_F(Renderer, TheDateChangesWithTheSecond) {
    pending.response.use_prepared(0);
    const std::string before = render();
    renderer.set_time(rfc_example);
    EXPECT_EQ(render(), before);
    renderer.set_time(rfc_example + 1);
    EXPECT_NE(render().find("Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"), std::string::npos);
    pending.response.start(200, "a/b");
    EXPECT_NE(render().find("08:49:38 GMT"), std::string::npos);
}

TEST(Status, EachHasOneReasonPhrase) {
    for (const http::StatusRow& row : http::statuses) EXPECT_EQ(http::reason_of(row.status), row.reason);
    EXPECT_TRUE(http::reason_of(299).empty());
}

// Every number of free blocks that is too small: false, and nothing is kept beside what stands in the output.
TEST(RendererWithoutBlocks, IsReportedAndLeaksNothing) {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{100}, std::size_t{20'000}}) {
        bool has_failed = false;
        bool has_succeeded = false;
        for (std::size_t blocks_count = 0; blocks_count < 6; ++blocks_count) {
            http::BlockPool blocks(blocks_count);
            http::ResponseRenderer renderer;
            renderer.set_time(rfc_example);
            Pending pending{};
            pending.response.start(200, "a/b");
            pending.response.append_body(blocks, std::string(bytes, 't'));
            http::Output output;
            (renderer.render(pending, output, blocks) ? has_succeeded : has_failed) = true;
            output.clear(blocks);
            EXPECT_EQ(blocks.in_use_count(), 0u) << bytes << " bytes with " << blocks_count;
        }
        EXPECT_TRUE(has_failed && has_succeeded) << bytes;
    }
}

}  // namespace
}  // namespace sluice
