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

}  // namespace
}  // namespace sluice::parsers
