// Every configuration key of Sluice, declared once, in keys.cpp.
//
// File reader, environment, command line, `print-config` and docs/configuration.md are all made from that
// declaration; a key that is added there is known everywhere.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/config/property.hpp"

namespace sluice::config {

// In the order of a configuration file: keys without a group first, then group by group.
[[nodiscard]] std::span<const Property> properties();

// nullptr if there is no such key.
[[nodiscard]] const Property* find_property(std::string_view key);

// Whether some key stands in the group: `sink` and `sink.redis` for sink.redis.layout.
[[nodiscard]] bool is_group(std::string_view name);

// All groups: `admin, log, http, io, batch, sink, sink.redis`.
[[nodiscard]] std::string groups();

// The known key nearest to `unknown`: fewest edits; a missing or wrong group counts as one edit, case as none. Empty if
// none is near: then it would be a guess at random.
[[nodiscard]] std::string_view nearest_key(std::string_view unknown);

// sink.redis.layout → SLUICE_SINK_REDIS_LAYOUT
[[nodiscard]] std::string environment_name(std::string_view key);

// Every default. `cores` is still empty (auto) there: load_config resolves it.
[[nodiscard]] Config default_config();

}  // namespace sluice::config
