// Names of tenants: in files, metrics, the journal, and Redis. Values.
#pragma once

#include <algorithm>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/names_number.hpp"

namespace sluice {

inline constexpr std::string_view tenant_name_allowed = "1 to 32 of a-z, 0-9, _ and -";
static_assert(names_number(tenant_name_allowed, limits::tenant_name_bytes_max));

[[nodiscard]] constexpr bool is_tenant_name(std::string_view text) {
    return !text.empty() && text.size() <= limits::tenant_name_bytes_max && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

}  // namespace sluice
