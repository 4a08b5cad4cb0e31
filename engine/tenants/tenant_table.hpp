// TenantTable: all tenants and their tokens as of one reading of the file. Made at start and at a reload; not changed
// afterwards, so any thread may read it.
//
// A tenant keeps its number over reloads (TenantNumbers): counters and requests that are under way name it by that.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tenants/tenant.hpp"

namespace sluice::tenants {

using TenantNumber = std::uint16_t;
inline constexpr TenantNumber no_tenant = 0xffff;

// The numbers of all names that ever stood in the file, from 0. The thread that reads the file.
class TenantNumbers {
  public:
    // Nothing: limits::tenants_count_max other names have been seen.
    [[nodiscard]] std::optional<TenantNumber> of(const std::string& name);

  private:
    std::map<std::string, TenantNumber> numbers_;
};

class TenantTable {
  public:
    // An error: there have been too many names since the start.
    [[nodiscard]] static std::expected<std::shared_ptr<const TenantTable>, std::string> make(
        std::vector<Tenant> tenants, TenantNumbers& numbers, std::uint32_t generation);

    struct Found {
        const Token* token = nullptr;  // null: nobody has it
        TenantNumber tenant = no_tenant;
    };
    // How long it takes tells nothing of a digest but its first 8 bytes, and those do not tell the token.
    [[nodiscard]] Found find(const Digest& digest) const;
    // Whose certificate it is; no_tenant: nobody's.
    [[nodiscard]] TenantNumber find_certificate(CertificateNameKind kind, std::string_view text) const;
    // Null: it has no such tenant any more.
    [[nodiscard]] const Tenant* tenant(TenantNumber number) const {
        return number < by_number_.size() ? by_number_[number].tenant : nullptr;
    }
    // Of its stream in streams(), from 1; 0: the stream of all.
    [[nodiscard]] std::uint16_t stream_index(TenantNumber number) const {
        return number < by_number_.size() ? by_number_[number].stream_index : std::uint16_t{0};
    }
    // Empty: it has no such tenant any more.
    [[nodiscard]] std::string_view name_of(TenantNumber number) const {
        return tenant(number) == nullptr ? std::string_view{} : std::string_view(tenant(number)->name);
    }
    // Null: there is none of this name.
    [[nodiscard]] const Tenant* find_name(std::string_view name) const;
    [[nodiscard]] std::uint16_t stream_index_of(std::string_view name) const;
    // Streams of tenants' own, each once, in the order of the file.
    [[nodiscard]] const std::vector<std::string>& streams() const { return streams_; }
    [[nodiscard]] bool has_certificates() const { return !certificates_.empty(); }
    [[nodiscard]] bool has_token_id(std::string_view id) const;
    [[nodiscard]] std::uint32_t generation() const { return generation_; }  // from 1; rises with each reload
    [[nodiscard]] std::size_t tenants_count() const { return tenants_.size(); }
    [[nodiscard]] const std::vector<Tenant>& tenants() const { return tenants_; }
    [[nodiscard]] TenantNumber numbers_end() const { return static_cast<TenantNumber>(by_number_.size()); }

  private:
    struct Numbered {
        const Tenant* tenant = nullptr;
        std::uint16_t stream_index = 0;
    };
    struct Entry {
        std::uint64_t digest_begin;  // its first bytes
        const Token* token;
        TenantNumber tenant;
    };

    TenantTable(std::vector<Tenant> tenants, std::uint32_t generation);
    [[nodiscard]] bool add(const Tenant& tenant, TenantNumbers& numbers);
    [[nodiscard]] std::uint16_t add_stream(const std::string& stream);

    const std::vector<Tenant> tenants_;
    const std::uint32_t generation_;
    std::vector<Numbered> by_number_;
    std::vector<std::string> streams_;
    std::map<std::string_view, std::uint16_t> streams_index_;  // by name
    std::map<std::pair<CertificateNameKind, std::string_view>, TenantNumber> certificates_;
    std::vector<Entry> entries_;  // by digest_begin
};

}  // namespace sluice::tenants
