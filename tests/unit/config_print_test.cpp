// `sluice print-config` in its three formats, and the documentation that is made from it.
// runs: release asan
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/config/print.hpp"
#include "tests/support/config_texts.hpp"

namespace sluice::config {
namespace {

TEST(Print, AListIsAnArray) {
    EXPECT_TRUE(print_config(PrintFormat::toml).contains("\nlisten = [\"127.0.0.1:8080\"]\n"));
}

TEST(Print, TomlLoadsBackToTheDefaults) {
    const auto config = load_text(print_config(PrintFormat::toml));
    ASSERT_TRUE(config) << config.error().sentence;
    EXPECT_EQ(texts_of(*config), texts_of(*load_config({}, environment_of())));
}

TEST(Print, EveryFormatTellsEverythingOfEveryKey) {
    const std::string toml = print_config(PrintFormat::toml), markdown = print_config(PrintFormat::markdown);
    const auto json = nlohmann::json::parse(print_config(PrintFormat::json));
    ASSERT_EQ(json.size(), properties().size());
    for (std::size_t i = 0; i < properties().size(); ++i) {
        const Property& property = properties()[i];
        EXPECT_EQ(json[i]["key"], property.key);
        EXPECT_EQ(json[i]["unit"], unit_of(property));
        EXPECT_EQ(json[i]["default"], property.default_text);
        EXPECT_EQ(json[i]["allowed"], bounds_of(property));
        EXPECT_EQ(json[i]["environment"], environment_name(property.key));
        EXPECT_EQ(json[i]["change"], name_of(property.reload));
        EXPECT_EQ(json[i]["help"], property.help);
        EXPECT_TRUE(markdown.contains("| `" + std::string(property.key) + "` | "));
        EXPECT_TRUE(
            markdown.contains(" | " + std::string(name_of(property.reload)) + " | " + std::string(property.help)));
        for (const std::string& text :
             {std::string(property.help), bounds_of(property), environment_name(property.key)}) {
            EXPECT_NE(toml.find(text), std::string::npos) << text;
        }
    }
    EXPECT_FALSE(print_format_of("yaml"));
}

// Fails also where the file or one of its markers is missing.
TEST(Print, TheTableOfTheDocumentationIsTheGeneratedOne) {
    std::ifstream file(SLUICE_SOURCE_DIR "/docs/configuration.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    const std::string table = print_config(PrintFormat::markdown);
    EXPECT_TRUE(page.contains("<!-- keys:begin -->\n" + table + "<!-- keys:end -->\n"))
        << "put this between the keys markers of docs/configuration.md:\n"
        << table;
}

}  // namespace
}  // namespace sluice::config
