// The members of a tenant that say what it may send and how much: how the file has them. Start and reload; values.
#pragma once

#include "engine/tenants/fields.hpp"
#include "engine/tenants/tenant.hpp"

namespace sluice::tenants {

[[nodiscard]] Status read_stream(Tenant& tenant, const FileSetting& setting);
[[nodiscard]] Status read_ack_max(Tenant& tenant, const FileSetting& setting);
[[nodiscard]] Status read_allow_types(Tenant& tenant, const FileSetting& setting);
[[nodiscard]] Status read_deny_types(Tenant& tenant, const FileSetting& setting);
[[nodiscard]] Status read_required(Tenant& tenant, const FileSetting& setting);
[[nodiscard]] Status read_value_range(Tenant& tenant, const FileSetting& setting);
[[nodiscard]] Status read_timestamp_past_max(Tenant& tenant, const FileSetting& setting);
[[nodiscard]] Status read_timestamp_future_max(Tenant& tenant, const FileSetting& setting);
[[nodiscard]] Status read_quota(Tenant& tenant, const FileSetting& setting);

}  // namespace sluice::tenants
