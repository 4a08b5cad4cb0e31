// Authenticator: whose token a request carries. One for each reactor, on its thread.
//
// Remembers of each connection the last credential that was good: a request that brings the same bytes is not hashed
// again. A memory holds for a second at most, and for one table: an expiry takes effect within a second. Both
// comparisons take a time that does not depend on where texts differ.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "engine/core/lazy_array.hpp"
#include "engine/core/slot.hpp"
#include "engine/tenants/tenant_table.hpp"

namespace sluice::tenants {

class Authenticator {
  public:
    // Connections have slots below `slots_count`.
    Authenticator(std::shared_ptr<const TenantTable> table, std::size_t slots_count)
        : table_(std::move(table)), memories_(slots_count) {}

    enum class Outcome : std::uint8_t { good, unknown, expired };
    struct Result {
        Outcome outcome = Outcome::unknown;
        TenantNumber tenant = no_tenant;
        std::uint8_t scopes_mask = 0;
    };
    // What a credential was found in; the same text means another token in each.
    enum class Source : std::uint8_t { none, authorization, api_key, query };

    // What is remembered of the connection, if `text` is the same. Null: it must be checked.
    [[nodiscard]] const Result* recall(Slot slot, Source source, std::string_view text, std::uint64_t now_ns) const {
        const Memory& memory = memories_[slot];
        if (memory.source != source || memory.text_bytes != text.size() || now_ns >= memory.end_ns ||
            memory.generation != table_->generation())
            return nullptr;
        return is_equal_text({memory.text.data(), memory.text_bytes}, text) ? &memory.result : nullptr;
    }
    // Looks `token` up. A good one is remembered as `text`. `now_ns`: monotonic; `unix_s`: since 1970.
    [[nodiscard]] Result check(Slot slot, Source source, std::string_view text, std::string_view token,
                               std::uint64_t now_ns, std::int64_t unix_s);
    // The connection is gone.
    void forget(Slot slot);

    // The next table. Requests under way keep their tenant's number.
    void use(std::shared_ptr<const TenantTable> table) { table_ = std::move(table); }
    [[nodiscard]] const TenantTable& table() const { return *table_; }

    static constexpr std::size_t remembered_bytes_max = 160;  // Basic with a token and a user name of 50 bytes

  private:
    static constexpr std::uint64_t memory_ns = 1'000'000'000;

    // Valid as zeroed memory.
    struct Memory {
        std::uint64_t end_ns;
        std::uint32_t generation;
        Source source;
        std::uint8_t text_bytes;
        Result result;
        std::array<char, remembered_bytes_max> text;
    };

    std::shared_ptr<const TenantTable> table_;
    Sha256 sha256_;
    LazyArray<Memory> memories_;  // by slot
};

}  // namespace sluice::tenants
