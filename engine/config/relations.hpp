// Relations: what a key on its own cannot tell, declared like the keys. load.cpp checks them when all sources are read.
#pragma once

#include <span>
#include <string_view>

#include "engine/config/config.hpp"

namespace sluice::config {

// A sentence about a broken one: `<key> is <its value>, but <needs> <other>, which is <its value>`.
struct Relation {
    std::string_view key;
    std::string_view needs;
    std::string_view other;
    bool (*holds)(const Config&);
};

// In the order in which they are checked; the first that does not hold is told.
[[nodiscard]] std::span<const Relation> relations();

}  // namespace sluice::config
