// HttpParser: golden requests to events. The table stands in tests/support/http_goldens.hpp.
// runs: release asan
#include "parsers/http/http_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/http_goldens.hpp"

namespace sluice {
namespace {

using parsers::HttpParser;
using parsers::Method;
using parsers::RequestHead;
using parsers::RequestHeader;

class Body final : public parsers::BodyReceiver {
  public:
    std::optional<Refusal> on_body(std::span<const char> bytes) override {
        text.append(bytes.data(), bytes.size());
        if (text.size() <= tests::golden_body_bytes_max) return std::nullopt;
        return Refusal::body_too_large;
    }
    std::string text;
};

std::string_view name_of(Method method) {
    switch (method) {
        case Method::get: return "GET";
        case Method::head: return "HEAD";
        case Method::post: return "POST";
        case Method::options: return "OPTIONS";
        case Method::other: return "OTHER";
    }
    return "";
}

std::string request_line(const RequestHead& head, const std::string& body) {
    std::string line(name_of(head.method));
    line += " " + std::string(head.target_view()) + (head.is_http_1_0 ? " 1.0" : " 1.1");
    line += head.keeps_alive ? " keep " : " close ";
    return line + "'" + body + "'";
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
                if (!head.keeps_alive) return log;
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
            EXPECT_EQ(events_of(name) == "GET / 1.1 keep ''", is_token) << code;
        }
        const bool is_text = code >= 0x20 ? code != 0x7f : c == '\t';
        const std::string value = tests::goldens::get(std::string("A: b") + c + "c\r\n");
        EXPECT_EQ(events_of(value) == "GET / 1.1 keep ''", is_text) << code;
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

// --- header values -------------------------------------------------------------------------------------------------

RequestHead head_of(std::string_view bytes, std::size_t cut = 0) {
    HttpParser parser;
    RequestHead head;
    Body body;
    parser.start(tests::golden_body_bytes_max);
    if (cut != 0) {
        EXPECT_EQ(parser.parse(bytes.substr(0, cut), head, body).event, HttpParser::Event::need_more);
    }
    EXPECT_EQ(parser.parse(bytes.substr(cut), head, body).event, HttpParser::Event::complete);
    return head;
}

TEST(HttpParser, HeaderValuesWhereverTheBytesAreCut) {
    struct Row {
        const char* lines;
        RequestHeader header;
        std::string_view value;
        int count;
    };
    for (const Row& row :
         {Row{"", RequestHeader::content_type, "", 0},
          Row{"Content-Type: application/json\r\n", RequestHeader::content_type, "application/json", 1},
          Row{"cONTENT-tYPE:\t a b \t\r\n", RequestHeader::content_type, "a b", 1},
          Row{"Content-Type: a\r\nContent-Type: b\r\n", RequestHeader::content_type, "b", 2},
          Row{"Content-Types: a\r\n", RequestHeader::content_type, "", 0},
          Row{"Content-Typo: a\r\n", RequestHeader::content_type, "", 0},
          Row{"Content-Encoding: gzip\r\nX: y\r\nContent-Encoding: zstd , br\r\n", RequestHeader::content_encoding,
              "gzip,zstd , br", 2},
          Row{"Authorization: Bearer x\r\n", RequestHeader::authorization, "Bearer x", 1},
          Row{"Idempotency-Key:\r\n", RequestHeader::idempotency_key, "", 1}}) {
        const std::string bytes = tests::goldens::get(row.lines);
        for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
            const RequestHead head = head_of(bytes, cut);
            ASSERT_EQ(head.header(row.header), row.value) << row.lines << " cut at " << cut;
            ASSERT_EQ(head.value(row.header).count, row.count) << row.lines << " cut at " << cut;
        }
    }
}

// Whatever their length, within the limit of the head.
TEST(HttpParser, LongValuesAreKeptWhole) {
    for (const std::size_t bytes : {std::size_t{191}, std::size_t{192}, std::size_t{1281}, std::size_t{5000}}) {
        const std::string token(bytes, 't');
        const RequestHead head = head_of(tests::goldens::get("Authorization: " + token + "\r\nContent-Type: " + token +
                                                             "\r\nExpect: 100-continue\r\n"));
        EXPECT_EQ(head.header(RequestHeader::authorization), token);
        EXPECT_EQ(head.header(RequestHeader::content_type), token);
        EXPECT_TRUE(head.expects_continue);
    }
}

// The lines of a list stand between others, which stay what they are.
TEST(HttpParser, AListInManyLinesIsJoined) {
    std::string lines, joined;
    for (int i = 0; i < 40; ++i) {
        const std::string number = std::to_string(i);
        lines += "Content-Encoding: c" + number + "\t\r\nContent-Type: t" + number + "\r\n";
        joined += (i == 0 ? "c" : ",c") + number;
    }
    const RequestHead head = head_of(tests::goldens::get("X:\r\n" + lines + "Authorization: a\r\n"));
    EXPECT_EQ(head.header(RequestHeader::content_encoding), joined);
    EXPECT_EQ(head.value(RequestHeader::content_encoding).count, 40u);
    EXPECT_EQ(head.header(RequestHeader::content_type), "t39");
    EXPECT_EQ(head.value(RequestHeader::content_type).count, 40u);
    EXPECT_EQ(head.header(RequestHeader::authorization), "a");
    EXPECT_EQ(head.header(RequestHeader::host), "h");
    EXPECT_EQ(head.target_view(), "/");
}

TEST(HttpParser, ListElements) {
    struct Row {
        std::string_view list;
        std::vector<std::string_view> elements;
    };
    for (const Row& row : {Row{"", {}}, Row{" , ,\t", {}}, Row{"a", {"a"}}, Row{" a b ,,c\t,", {"a b", "c"}}}) {
        std::vector<std::string_view> elements;
        std::string_view list = row.list;
        for (auto element = parsers::take_list_element(list); !element.empty();
             element = parsers::take_list_element(list))
            elements.push_back(element);
        EXPECT_EQ(elements, row.elements) << row.list;
    }
}

}  // namespace
}  // namespace sluice
