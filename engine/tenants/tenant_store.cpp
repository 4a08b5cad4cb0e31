#include "engine/tenants/tenant_store.hpp"

#include <sys/stat.h>

#include <utility>

#include "engine/tenants/tenants_file.hpp"

namespace sluice::tenants {

std::expected<std::shared_ptr<const TenantTable>, std::string> TenantStore::read() {
    read_stamp_ = stamp();  // before it is read: what changes meanwhile is seen the next time
    auto file = read_tenants_file(path_);
    if (!file) return std::unexpected(std::move(file).error());
    for (Tenant& tenant : file->tenants) {
        if (tenant.policy.past_ns_max == 0) tenant.policy.past_ns_max = policy_.past_ns_max;
        if (tenant.policy.future_ns_max == 0) tenant.policy.future_ns_max = policy_.future_ns_max;
    }
    const std::uint32_t generation = table_ == nullptr ? 1 : table_->generation() + 1;
    auto table = TenantTable::make(std::move(file->tenants), numbers_, generation);
    if (!table) return std::unexpected(path_ + ": " + table.error());
    warnings_ = std::move(file->warnings);
    return *std::move(table);
}

TenantStore::Stamp TenantStore::stamp() const {
    struct stat info{};
    if (::stat(path_.c_str(), &info) != 0) return {};
    return {info.st_ino, info.st_size, std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

bool TenantStore::has_changed() const { return stamp() != read_stamp_; }

}  // namespace sluice::tenants
