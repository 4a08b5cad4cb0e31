#include "engine/config/exposed_secrets.hpp"

#include <algorithm>
#include <utility>

#include "engine/config/keys.hpp"
#include "engine/config/sink_url.hpp"

namespace sluice::config {
namespace {

bool holds_secret(const Override& setting) {
    const Property* const property = find_property(setting.key);
    if (property == nullptr || setting.value.empty()) return false;
    if (is_secret(*property)) return true;
    if (!std::holds_alternative<Url>(property->kind)) return false;
    const auto url = parse_sink_url(setting.value);
    return url.has_value() && !url->password.empty();
}

}  // namespace

std::vector<std::string> exposed_secrets(const Overrides& overrides) {
    std::vector<std::string> options;
    for (const Override& setting : overrides.settings) {
        if (!holds_secret(setting)) continue;
        std::string option = setting.option == "--set" ? "--set " + setting.key : setting.option;
        if (std::ranges::find(options, option) == options.end()) options.push_back(std::move(option));
    }
    return options;
}

}  // namespace sluice::config
