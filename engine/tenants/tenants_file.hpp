// The file of tenants: TOML, a table [[tenant]] for each. docs/security.md describes it.
//
// Read at start and at a reload; blocks for the disk. Nothing of it is taken if anything is wrong.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "engine/tenants/tenant.hpp"

namespace sluice::tenants {

struct TenantsFile {
    std::vector<Tenant> tenants;  // in the order of the file; names, ids and hashes are different
    std::vector<std::string> warnings;  // sentences
};

// An error is one sentence without a full stop: `tenants.toml:7: …`. It holds no hash.
[[nodiscard]] std::expected<TenantsFile, std::string> read_tenants_file(const std::string& path);

}  // namespace sluice::tenants
