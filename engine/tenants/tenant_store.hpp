// TenantStore: reads the file of tenants, and has the table of its last good reading. A reading that fails changes
// nothing. The main thread, at start and at a reload; it blocks for the disk.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/tenants/tenant_table.hpp"

namespace sluice::tenants {

class TenantStore {
  public:
    // `policy`: its window of time is that of tenants without one of their own.
    TenantStore(std::string path, const SamplePolicy& policy) : path_(std::move(path)), policy_(policy) {}

    // The next table; its generation is one more than that of table(). An error is a sentence that names file and line.
    [[nodiscard]] std::expected<std::shared_ptr<const TenantTable>, std::string> read();
    // From here on it is table().
    void accept(std::shared_ptr<const TenantTable> table) { table_ = std::move(table); }
    // Whether the file is another than at the last read(): by its inode, size and time. A symbolic link that was
    // changed tells, too.
    [[nodiscard]] bool has_changed() const;

    // Null before the first accept().
    [[nodiscard]] const std::shared_ptr<const TenantTable>& table() const { return table_; }
    // Of the last reading.
    [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    // Zeroes: it is not there.
    struct Stamp {
        std::uint64_t inode_number = 0;
        std::int64_t size_bytes = 0;
        std::int64_t modified_ns = 0;
        friend bool operator==(const Stamp&, const Stamp&) = default;
    };
    [[nodiscard]] Stamp stamp() const;

    const std::string path_;
    const SamplePolicy policy_;
    TenantNumbers numbers_;
    std::shared_ptr<const TenantTable> table_;
    std::vector<std::string> warnings_;
    Stamp read_stamp_;
};

}  // namespace sluice::tenants
