// Foreign bytes in sentences and logs: which are shown as they are, which are escaped, and where a value is cut.
// runs: release asan
#include "engine/core/escape.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sluice {
namespace {

struct Row {
    std::string_view bytes, shown;
};

TEST(Escape, WhatAPersonCanReadStaysAsItIs) {
    for (const std::string_view text : {"plain", "größe", "температура", "温度", "°C", "🌡", "\xEF\xBF\xBD"})
        EXPECT_EQ(quoted(text, 100), "\"" + std::string(text) + "\"");
}

TEST(Escape, WhatNobodyCanSeeIsEscaped) {
    const Row rows[] = {
        {"a\"b\\c", R"("a\"b\\c")"},
        {"\x1B[2J\x7F", R"("\x1B[2J\x7F")"},
        {"\xC2\x9B"
         "2J",
         R"("\xC2\x9B2J")"},                // C1: control sequence introducer
        {"a\xC2\xAD", R"("a\xC2\xAD")"},                      // soft hyphen
        {"\xE2\x80\xAE"
         "txt.exe",
         R"("\xE2\x80\xAEtxt.exe")"},  // right-to-left override
        {"\xE2\x80\xA8", R"("\xE2\x80\xA8")"},                // line separator
        {"\xEF\xBB\xBF", R"("\xEF\xBB\xBF")"},                // byte order mark
        {"\xE2\x80\xA6", R"("\xE2\x80\xA6")"},                // the mark of a cut value
        {"\xEE\x80\x80", R"("\xEE\x80\x80")"},                // private use
        {"\xF3\xA0\x81\x81", R"("\xF3\xA0\x81\x81")"},        // a tag
    };
    for (const Row& row : rows) EXPECT_EQ(quoted(row.bytes, 100), row.shown);
}

TEST(Escape, WhatIsNoUtf8IsEscapedByteByByte) {
    const Row rows[] = {
        {"\xC3(", R"("\xC3(")"},                    // no continuation
        {"\xC3", R"("\xC3")"},                      // cut
        {"\xE6\xB8"
         "x",
         R"("\xE6\xB8x")"},         // cut
        {"\xC0\xAF", R"("\xC0\xAF")"},              // overlong
        {"\xE0\x80\xAF", R"("\xE0\x80\xAF")"},      // overlong
        {"\xED\xA0\x80", R"("\xED\xA0\x80")"},      // surrogate
        {"\xF4\x90\x80\x80", R"("\xF4\x90\x80\x80")"},  // above U+10FFFF
        {"\xFF"
         "é",
         R"("\xFFé")"},
    };
    for (const Row& row : rows) EXPECT_EQ(quoted(row.bytes, 100), row.shown);
    EXPECT_EQ(quoted("\xFFé", 100, EscapeStyle::json), R"("\u00FFé")");
}

TEST(Escape, NoCharacterIsCutInto) {
    EXPECT_EQ(quoted("ab", 2), R"("ab")");
    EXPECT_EQ(quoted("abc", 2), R"("ab…")");
    EXPECT_EQ(quoted("aé", 3), R"("aé")");
    EXPECT_EQ(quoted("aé", 2), R"("a…")");
    EXPECT_EQ(quoted("é", 0), R"("…")");
}

}  // namespace
}  // namespace sluice
