// AccessFiles: what the files say of who may send, and who may see the admin pages. Read before anything listens, so
// that a file that is broken ends the start.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/tenants/sample_policy.hpp"
#include "engine/tenants/sha256.hpp"
#include "engine/tenants/tenant_store.hpp"

namespace sluice {

// Of samples, where a tenant has none of its own.
[[nodiscard]] tenants::SamplePolicy sample_policy(const config::Config& config);

struct AccessFiles {
    std::unique_ptr<tenants::TenantStore> tenants{};     // null: everybody may send
    std::optional<tenants::Digest> admin_token{};        // nothing: the admin pages need none
};

// Writes the streams of tenants into `config`. An error is a sentence that names the file.
[[nodiscard]] std::expected<AccessFiles, std::string> read_access_files(config::Config& config);

// Each stream has a lane of its own in the encoders.
[[nodiscard]] bool has_lane_per_stream(const config::Config& config);
// Streams of tenants cannot change while the engine runs.
[[nodiscard]] bool has_fixed_streams(const config::Config& config);

// What of these tenants an operator may not expect: a sentence each. `unix_s`: now, since 1970.
[[nodiscard]] std::vector<std::string> tenant_warnings(const config::Config& config, const tenants::TenantTable& table,
                                                       std::int64_t unix_s);

// Why `config` cannot serve these tenants: a sentence.
[[nodiscard]] std::optional<std::string> fault_of_tenants(const config::Config& config,
                                                          const tenants::TenantTable& table);

}  // namespace sluice
