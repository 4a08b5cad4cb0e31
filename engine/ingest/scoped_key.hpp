// ScopedKey: an Idempotency-Key as the table of keys has it: with the tenant's number in front, so that two tenants
// never meet in one. Where there are no tenants the key as it came. A value.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/tenants/tenant_table.hpp"

namespace sluice {

class ScopedKey {
  public:
    // `key` has at most limits::idempotency_key_bytes_max bytes, and outlives this.
    ScopedKey(tenants::TenantNumber tenant, std::string_view key) : key_(key) {
        if (tenant == tenants::no_tenant) return;
        text_[0] = static_cast<char>(tenant >> 8);
        text_[1] = static_cast<char>(tenant & 0xff);
        key_ = {text_.data(), 2 + key.copy(text_.data() + 2, limits::idempotency_key_bytes_max)};
    }
    ScopedKey(const ScopedKey&) = delete;  // it has a view into itself
    ScopedKey& operator=(const ScopedKey&) = delete;

    [[nodiscard]] std::string_view view() const { return key_; }

  private:
    std::array<char, limits::scoped_idempotency_key_bytes_max> text_;
    std::string_view key_;
};

}  // namespace sluice
