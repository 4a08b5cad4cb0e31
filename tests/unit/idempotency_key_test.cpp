// The Idempotency-Key header: its value, and what the parser makes of header lines.
// runs: release asan
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "parsers/http/http_parser.hpp"
#include "parsers/http/idempotency_key.hpp"

namespace sluice::parsers {
namespace {

std::optional<std::string> key_of(std::string_view value) {
    std::array<char, limits::idempotency_key_bytes_max> buffer{};
    const auto key = read_idempotency_key(value, buffer);
    if (!key) return std::nullopt;
    return std::string(*key);
}

TEST(IdempotencyKey, Values) {
    struct Row {
        std::string value;
        std::optional<std::string> key;
    };
    const std::string longest(128, 'k');
    for (const Row& row : {
             Row{R"("8e03978e-40d5-43dd-bc93-6894a57f9324")",
                 "8e03978e-40d5-43dd-bc93-6894a57f9324"},  // the draft's example
             Row{"8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"},
             Row{R"("with space")", "with space"},
             Row{R"("a\"b\\c")", R"(a"b\c)"},
             Row{"YmFzZTY0+/=", "YmFzZTY0+/="},
             Row{"\"" + longest + "\"", longest},
             Row{longest, longest},
             Row{"\"" + longest + "k\"", std::nullopt},
             Row{longest + "k", std::nullopt},
             Row{"", std::nullopt},
             Row{R"("")", std::nullopt},
             Row{R"(")", std::nullopt},
             Row{R"("open)", std::nullopt},
             Row{R"(closed")", std::nullopt},
             Row{R"("a"b")", std::nullopt},
             Row{R"("a\")", std::nullopt},
             Row{R"("a\n")", std::nullopt},
             Row{R"("a";p=1)", std::nullopt},
             Row{R"("a", "b")", std::nullopt},
             Row{"a, b", std::nullopt},
             Row{"a b", std::nullopt},
             Row{"a\\b", std::nullopt},
             Row{"caf\xc3\xa9", std::nullopt},
             Row{"\"caf\xc3\xa9\"", std::nullopt},
             Row{"\"tab\there\"", std::nullopt},
         })
        EXPECT_EQ(key_of(row.value), row.key) << row.value;
}

class NoBody final : public BodyReceiver {
  public:
    bool on_body(std::span<const char>, Refusal&) override { return true; }
};

TEST(IdempotencyKey, HeaderLinesCutAnywhere) {
    struct Row {
        std::string_view lines;
        std::string_view key;
        bool is_bad;
    };
    for (const Row& row :
         {Row{"", "", false}, Row{"Idempotency-Key: \"k-1\" \r\n", "k-1", false},
          Row{"iDEMPOTENCY-kEY:k-1\r\n", "k-1", false}, Row{"Idempotency-Key: a\r\nIdempotency-Key: a\r\n", "a", true},
          Row{"Idempotency-Key:\r\n", "", true}, Row{"Idempotency-Keys: a\r\n", "", false}}) {
        const std::string request = "POST /telemetry HTTP/1.1\r\nHost: h\r\n" + std::string(row.lines) + "\r\n";
        for (std::size_t cut = 1; cut < request.size(); ++cut) {
            HttpParser parser;
            parser.start(1024);
            RequestHead head;
            NoBody body;
            const std::string_view text = request;
            ASSERT_EQ(parser.parse(text.substr(0, cut), head, body).event, HttpParser::Event::need_more);
            ASSERT_EQ(parser.parse(text.substr(cut), head, body).event, HttpParser::Event::complete);
            ASSERT_EQ(head.idempotency_key_view(), row.key) << row.lines << " cut at " << cut;
            ASSERT_EQ(head.has_bad_idempotency_key, row.is_bad) << row.lines;
        }
    }
}

TEST(IdempotencyKey, AValueThatIsTooLongIsBadAndNotCut) {
    const std::string request = "POST / HTTP/1.1\r\nHost: h\r\nIdempotency-Key: " + std::string(1000, 'k') + "\r\n\r\n";
    HttpParser parser;
    parser.start(1024);
    RequestHead head;
    NoBody body;
    ASSERT_EQ(parser.parse(request, head, body).event, HttpParser::Event::complete);
    EXPECT_TRUE(head.has_bad_idempotency_key);
}

}  // namespace
}  // namespace sluice::parsers
