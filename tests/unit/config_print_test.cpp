// `sluice print-config` in its three formats, and the documentation that is made from it.
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
    EXPECT_EQ(texts_of(*config), texts_of(*load_config({}, surroundings())));
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
        EXPECT_EQ(json[i]["help"], property.help);
        EXPECT_NE(markdown.find("| `" + std::string(property.key) + "` | "), std::string::npos);
        for (const std::string& text :
             {std::string(property.help), bounds_of(property), environment_name(property.key)}) {
            EXPECT_NE(toml.find(text), std::string::npos) << text;
        }
    }
    EXPECT_FALSE(print_format_of("yaml"));
}

TEST(Print, TheTableOfTheReadmeIsTheGeneratedOne) {
    std::ifstream file(SLUICE_SOURCE_DIR "/README.md");
    const std::string readme{std::istreambuf_iterator<char>(file), {}};
    const std::string begin_marker = "<!-- config:begin -->\n", end_marker = "<!-- config:end -->";
    const std::size_t begin = readme.find(begin_marker), end = readme.find(end_marker);
    if (begin == std::string::npos || end == std::string::npos) GTEST_SKIP() << "README.md has no config markers";
    const std::size_t first = begin + begin_marker.size();
    EXPECT_EQ(readme.substr(first, end - first), print_config(PrintFormat::markdown))
        << "run: sluice print-config --format markdown, and put the result between the markers";
}

}  // namespace
}  // namespace sluice::config
