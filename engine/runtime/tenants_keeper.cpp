#include "engine/runtime/tenants_keeper.hpp"

#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/log/log.hpp"
#include "engine/runtime/access_files.hpp"

namespace sluice {

void TenantsKeeper::note_start() {
    if (!is_on()) return;
    if (config_.tenants.reload_interval_ns != 0) look_ns_ = monotonic_ns() + config_.tenants.reload_interval_ns;
    note_table();
    const std::vector<log::Field> fields = fields_of_table("start");
    log::line(LogLevel::info, "tenants", fields);
}

bool TenantsKeeper::look(std::uint64_t now_ns) {
    if (look_ns_ == 0 || now_ns < look_ns_) return false;
    look_ns_ = now_ns + config_.tenants.reload_interval_ns;
    return store_->has_changed() && reload("file changed");
}

bool TenantsKeeper::reload(const char* why) {
    CHECK(is_on());
    const auto fault = take_file();
    figures_.is_last_good.store(!fault, std::memory_order_relaxed);
    if (fault) {
        figures_.failures.fetch_add(1, std::memory_order_relaxed);
        log::error("tenants_reload_failed", {{"cause", why}, {"reason", *fault}, {"tenants", "the old ones stay"}});
        return false;
    }
    figures_.reloads.fetch_add(1, std::memory_order_relaxed);
    note_table();
    const std::vector<log::Field> fields = fields_of_table(why);
    log::line(LogLevel::info, "tenants_reloaded", fields);
    return true;
}

// What is wrong with the file; nothing: it is the table from here on.
std::optional<std::string> TenantsKeeper::take_file() {
    auto table = store_->read();
    if (!table) return table.error();
    if (const auto fault = fault_of_tenants(config_, **table)) return store_->path() + ": " + *fault;
    if (has_fixed_streams(config_) && (*table)->streams() != config_.tenants.streams)
        return store_->path() +
               ": streams of tenants are others than at the start; with a cluster, the layout packed, or exactly_once "
               "that needs a restart";
    store_->accept(*std::move(table));
    return std::nullopt;
}

void TenantsKeeper::note_table() {
    const tenants::TenantTable& table = *store_->table();
    figures_.generation.store(table.generation(), std::memory_order_relaxed);
    figures_.tenants.store(table.tenants_count(), std::memory_order_relaxed);
    for (const std::string& warning : store_->warnings())
        log::warn("tenants_file", {{"file", store_->path()}, {"what", warning}});
    if (table.has_certificates() && config_.tls.client == config::TlsClient::off)
        log::warn("tenants_file", {{"file", store_->path()},
                                   {"what", "tenants have certificates, but clients are asked for none"},
                                   {"key", "tls.client"}});
}

std::vector<log::Field> TenantsKeeper::fields_of_table(const char* why) const {
    const tenants::TenantTable& table = *store_->table();
    return {{"cause", why},
            {"file", store_->path()},
            {"tenants", table.tenants_count()},
            {"generation", table.generation()}};
}

}  // namespace sluice
