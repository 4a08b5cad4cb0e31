// TenantsKeeper: the tenants of a running engine. Their file was read at start (access_files.hpp); it is read again on
// SIGHUP, and when it changes: each tenants.reload_interval it looks at its time, size and inode. A reload takes all of
// it or nothing: if anything in it is wrong, the tenants of before stay.
//
// The main thread's. It reads files; no reactor waits for it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/log/log.hpp"
#include "engine/tenants/tenant_store.hpp"
#include "engine/tenants/tenants_figures.hpp"

namespace sluice {

class TenantsKeeper {
  public:
    // `store`: with the table of the start; null: everybody may send. `config` and `figures` outlive it.
    TenantsKeeper(const config::Config& config, std::unique_ptr<tenants::TenantStore> store,
                  tenants::TenantsFigures& figures)
        : config_(config), store_(std::move(store)), figures_(figures) {}

    [[nodiscard]] bool is_on() const { return store_ != nullptr; }
    // Null: everybody may send.
    [[nodiscard]] std::shared_ptr<const tenants::TenantTable> table() const {
        return store_ == nullptr ? nullptr : store_->table();
    }
    // Once, when the engine serves: tells what the start has read.
    void note_start();

    // What is due: true if there is another table. `now_ns`: monotonic.
    [[nodiscard]] bool look(std::uint64_t now_ns);
    // The same at once. `why` for the log.
    [[nodiscard]] bool reload(const char* why);
    // When look() has something to do (monotonic); 0: never.
    [[nodiscard]] std::uint64_t next_ns() const { return look_ns_; }

  private:
    void note_table();
    [[nodiscard]] std::vector<log::Field> fields_of_table(const char* why) const;
    [[nodiscard]] std::optional<std::string> take_file();

    const config::Config& config_;
    const std::unique_ptr<tenants::TenantStore> store_;
    tenants::TenantsFigures& figures_;
    std::uint64_t look_ns_ = 0;  // the next look at the file
};

}  // namespace sluice
