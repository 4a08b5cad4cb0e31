// What a log line about a refused request shows of it.
// runs: release asan
#include "engine/server/refusal_log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

TEST(RefusalLog, AnExcerptIsWhatStandsAroundTheOffset) {
    std::string text(1000, '.');
    text[500] = '!';
    const std::string_view excerpt = excerpt_of(text, 500);
    EXPECT_EQ(excerpt.size(), limits::log_value_bytes_max) << "it is shown whole";
    EXPECT_EQ(excerpt.find('!'), RefusalLog::excerpt_bytes_before_max);
}

TEST(RefusalLog, AnExcerptEndsWithTheBody) {
    const std::string text = "0123456789";
    EXPECT_EQ(excerpt_of(text, std::nullopt), text);
    EXPECT_EQ(excerpt_of(text, 0), text);
    EXPECT_EQ(excerpt_of(text, 10), text);
    EXPECT_EQ(excerpt_of(text, 11), text) << "an offset behind the body is its end";
    EXPECT_EQ(excerpt_of({}, 5), "");
    const std::string long_text(1000, 'x');
    EXPECT_EQ(excerpt_of(long_text, std::nullopt).size(), RefusalLog::excerpt_bytes_behind_max);
    EXPECT_EQ(excerpt_of(long_text, 1000).size(), RefusalLog::excerpt_bytes_before_max);
}

TEST(RefusalLog, OfParametersOnlyTheNamesAreShown) {
    const struct {
        std::string_view query, names;
    } rows[] = {{"", ""}, {"ack=stored", "ack"}, {"a=1&b=2", "a,b"}, {"a", "a"}, {"a=b=c&&d=", "a,,d"}, {"=x", ""}};
    for (const auto& row : rows) EXPECT_EQ(parameter_names(row.query), row.names) << row.query;
}

}  // namespace
}  // namespace sluice
