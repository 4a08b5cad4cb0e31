// Configurations made from text, for the tests of engine/config.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <expected>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/config/keys.hpp"
#include "engine/config/load.hpp"

namespace sluice::config {

// A file `sluice.toml` in a folder of its own; sentences name it by its full path.
class TemporaryFile {
  public:
    explicit TemporaryFile(std::string_view text) {
        std::string folder = testing::TempDir() + "sluice-config-XXXXXX";
        if (::mkdtemp(folder.data()) == nullptr) std::abort();
        folder_ = folder;
        std::ofstream(path(), std::ios::binary) << text;
    }
    ~TemporaryFile() { std::filesystem::remove_all(folder_); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    [[nodiscard]] std::string path() const { return folder_ / "sluice.toml"; }

  private:
    std::filesystem::path folder_;
};

inline Environment environment_of(std::vector<std::string> variables = {}) {
    return {.variables = std::move(variables), .allowed_cores = {0, 1, 4}};
}

inline std::expected<Config, ConfigError> load_text(std::string_view toml, std::vector<std::string> environment = {},
                                                    std::vector<Override> overrides = {}) {
    const TemporaryFile file(toml);
    return load_config({.config_file = file.path(), .settings = std::move(overrides)},
                       environment_of(std::move(environment)));
}

// The sentence, with the folder of the file cut off; or "loaded".
inline std::string sentence_of(std::string_view toml, std::vector<std::string> environment = {},
                               std::vector<Override> overrides = {}) {
    const auto config = load_text(toml, std::move(environment), std::move(overrides));
    if (config) return "loaded";
    const std::string& sentence = config.error().sentence;
    const std::size_t file = sentence.find("sluice.toml");
    return file == std::string::npos ? sentence : sentence.substr(file);
}

inline std::map<std::string, std::string> texts_of(const Config& config) {
    std::map<std::string, std::string> texts;
    for (const Property& property : properties()) texts[std::string(property.key)] = text_of(property, config);
    return texts;
}

inline Override set(std::string key, std::string value) { return {"--set", std::move(key), std::move(value)}; }

}  // namespace sluice::config
