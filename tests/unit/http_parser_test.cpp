// HttpParser: golden requests to events. The table stands in tests/support/http_goldens.hpp.
// runs: release asan
#include "parsers/http/http_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/support/http_goldens.hpp"

namespace sluice {
namespace {

using parsers::HttpParser;
using parsers::MediaType;
using parsers::Method;
using parsers::RequestHead;

class Body final : public parsers::BodyReceiver {
  public:
    bool on_body(std::span<const char> bytes, Refusal& refusal) override {
        text.append(bytes.data(), bytes.size());
        refusal = Refusal::body_too_large;
        return text.size() <= tests::golden_body_bytes_max;
    }
    std::string text;
};

std::string_view name_of(Method method) {
    switch (method) {
        case Method::get: return "GET";
        case Method::head: return "HEAD";
        case Method::post: return "POST";
        case Method::other: return "OTHER";
    }
    return "";
}

std::string_view name_of(MediaType type) {
    switch (type) {
        case MediaType::none: return "none";
        case MediaType::json: return "json";
        case MediaType::ndjson: return "ndjson";
        case MediaType::other: return "other";
    }
    return "";
}

std::string request_line(const RequestHead& head, const std::string& body) {
    std::string line(name_of(head.method));
    line += " " + std::string(head.target_view()) + (head.is_http_1_0 ? " 1.0" : " 1.1");
    line += head.keep_alive ? " keep " : " close ";
    return line + std::string(name_of(head.media_type)) + " '" + body + "'";
}

// Reads all of `bytes`, and returns what happened.
std::string events_of(std::string_view bytes) {
    HttpParser parser;
    RequestHead head;
    Body body;
    std::string log;
    const auto add = [&log](const std::string& event) { log += (log.empty() ? "" : " | ") + event; };
    parser.start(tests::golden_body_bytes_max);
    while (!bytes.empty()) {  // ends: each turn consumes bytes, or leaves
        const HttpParser::Result result = parser.parse(bytes, head, body);
        bytes.remove_prefix(result.consumed_bytes);
        switch (result.event) {
            case HttpParser::Event::head: add("head"); break;
            case HttpParser::Event::complete:
                add(request_line(head, body.text));
                body.text.clear();
                if (!head.keep_alive) return log;
                break;
            case HttpParser::Event::refused:
                add("refused " + std::string(info_of(parser.refusal()).code));
                EXPECT_EQ(info_of(parser.refusal()).scope, RefusalScope::connection) << log;
                return log;
            case HttpParser::Event::need_more: EXPECT_TRUE(bytes.empty()); break;
        }
    }
    if (parser.is_in_request()) add("more");
    return log;
}

TEST(HttpParser, ValidRequests) {
    for (const tests::HttpGolden& golden : tests::goldens::valid())
        EXPECT_EQ(events_of(golden.bytes), golden.events) << golden.name;
}

TEST(HttpParser, HostileRequests) {
    for (const tests::HttpGolden& golden : tests::goldens::hostile())
        EXPECT_EQ(events_of(golden.bytes), golden.events) << golden.name;
}

// Every byte that is no token character ends a header name, and every control character but HTAB a value.
TEST(HttpParser, NamesAndValuesByCharacter) {
    constexpr std::string_view token_marks = "!#$%&'*+-.^_`|~";
    for (int code = 0; code < 256; ++code) {
        const char c = static_cast<char>(code);
        const bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool is_token = is_alphanumeric || (c != '\0' && token_marks.find(c) != std::string_view::npos);
        const std::string name = tests::goldens::get(std::string("A") + c + "B: c\r\n");
        if (c != ':') {
            EXPECT_EQ(events_of(name) == "GET / 1.1 keep none ''", is_token) << code;
        }
        const bool is_text = code >= 0x20 ? code != 0x7f : c == '\t';
        const std::string value = tests::goldens::get(std::string("A: b") + c + "c\r\n");
        EXPECT_EQ(events_of(value) == "GET / 1.1 keep none ''", is_text) << code;
    }
}

TEST(HttpParser, TellsWhereItStands) {
    HttpParser parser;
    RequestHead head;
    Body body;
    parser.start(tests::golden_body_bytes_max);
    const auto feed = [&](std::string_view bytes) { return parser.parse(bytes, head, body).event; };
    EXPECT_FALSE(parser.is_in_request());
    EXPECT_EQ(feed("\r\n"), HttpParser::Event::need_more);
    EXPECT_FALSE(parser.is_in_request());
    EXPECT_EQ(feed("P"), HttpParser::Event::need_more);
    EXPECT_TRUE(parser.is_in_request());
    EXPECT_FALSE(parser.is_in_body());
    EXPECT_EQ(feed("OST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n"), HttpParser::Event::need_more);
    EXPECT_TRUE(parser.is_in_body());
    EXPECT_EQ(head.content_length, 1u);
    EXPECT_EQ(feed("x"), HttpParser::Event::complete);
    EXPECT_FALSE(parser.is_in_request());
    EXPECT_FALSE(parser.is_in_body());
}

TEST(HttpParser, ContentEncodings) {
    struct Row {
        const char* headers;
        bool has_encoding;
    };
    for (const Row& row :
         {Row{"", false}, Row{"Content-Encoding: identity\r\n", false}, Row{"Content-Encoding: Identity \r\n", false},
          Row{"Content-Encoding: gzip\r\n", true}, Row{"Content-Encoding: gzip, identity\r\n", true},
          Row{"Content-Encoding: gzip\r\nContent-Encoding: identity\r\n", true},
          Row{"Content-Encoding: identity\r\nContent-Encoding: zstd\r\n", true}}) {
        HttpParser parser;
        RequestHead head;
        Body body;
        parser.start(tests::golden_body_bytes_max);
        const std::string bytes = tests::goldens::get(row.headers);
        ASSERT_EQ(parser.parse(bytes, head, body).event, HttpParser::Event::complete) << row.headers;
        EXPECT_EQ(head.has_content_encoding, row.has_encoding) << row.headers;
    }
}

}  // namespace
}  // namespace sluice
