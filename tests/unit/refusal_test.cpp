// The table of refusals, and the README's copy of it.
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

TEST(Refusal, TheTableOfTheReadmeIsThisOne) {
    std::ifstream file(SLUICE_SOURCE_DIR "/README.md");
    const std::string readme{std::istreambuf_iterator<char>(file), {}};
    EXPECT_NE(readme.find("<!-- errors:begin -->\n" + markdown_table() + "<!-- errors:end -->"), std::string::npos)
        << "put this between the errors markers of README.md:\n"
        << markdown_table();
}

}  // namespace
}  // namespace sluice
