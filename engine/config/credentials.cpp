#include "engine/config/credentials.hpp"

#include <algorithm>
#include <string_view>

namespace sluice::config {

void find_credentials(Config& config, std::span<const std::string> variables) {
    constexpr std::string_view prefix = "CREDENTIALS_DIRECTORY=";
    const auto variable = std::ranges::find_if(variables, [&](const std::string& v) { return v.starts_with(prefix); });
    if (variable == variables.end() || variable->size() == prefix.size()) return;
    auto& redis = config.sink.redis;
    for (std::string* const file : {&redis.password_file, &redis.tls_ca, &redis.tls_certificate, &redis.tls_key})
        if (!file->empty() && !file->contains('/')) *file = variable->substr(prefix.size()) + "/" + *file;
}

}  // namespace sluice::config
