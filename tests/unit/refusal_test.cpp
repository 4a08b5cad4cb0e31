// The table of refusals, and its copy in docs/errors.md.
// runs: release asan
#include "engine/core/refusal.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace sluice {
namespace {

std::string_view name_of(RefusalScope scope) {
    switch (scope) {
        case RefusalScope::connection: return "connection";
        case RefusalScope::request: return "request";
        case RefusalScope::record: return "record";
    }
    return {};
}

std::string markdown_table() {
    std::string table = "| status | code | scope | sentence |\n|---|---|---|---|\n";
    for (const RefusalInfo& refusal : refusal_table)
        table += "| " + std::to_string(refusal.status) + " | `" + std::string(refusal.code) + "` | " +
                 std::string(name_of(refusal.scope)) + " | " + std::string(refusal.sentence) + " |\n";
    return table;
}

TEST(Refusal, TheTableOfTheDocumentIsThisOne) {
    std::ifstream file(SLUICE_SOURCE_DIR "/docs/errors.md");
    ASSERT_TRUE(file) << "docs/errors.md is missing";
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::string begin_marker = "<!-- errors:begin -->\n", end_marker = "<!-- errors:end -->";
    const std::size_t begin = text.find(begin_marker), end = text.find(end_marker);
    ASSERT_NE(begin, std::string::npos) << "docs/errors.md has no marker " << begin_marker;
    ASSERT_NE(end, std::string::npos) << "docs/errors.md has no marker " << end_marker;
    const std::size_t first = begin + begin_marker.size();
    ASSERT_LE(first, end);
    EXPECT_EQ(text.substr(first, end - first), markdown_table()) << "put the expected text between the markers";
}

}  // namespace
}  // namespace sluice
