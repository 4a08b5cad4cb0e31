#include "tools/load/run/body_check.hpp"

#include <nlohmann/json.hpp>

namespace sluice::load {

bool BodyCheck::passes_uncached(std::string_view body) const {
    const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return false;
    const auto found = json.find(member_);
    return found != json.end() && *found == nlohmann::json::parse(value_, nullptr, false);
}

}  // namespace sluice::load
