#include "engine/tenants/tenant_table.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/core/limits.hpp"

namespace sluice::tenants {
namespace {

std::uint64_t key_of(const Digest& digest) {
    std::uint64_t key = 0;
    std::memcpy(&key, digest.data(), sizeof key);
    return key;
}

}  // namespace

std::optional<TenantNumber> TenantNumbers::of(const std::string& name) {
    if (const auto found = numbers_.find(name); found != numbers_.end()) return found->second;
    if (numbers_.size() >= limits::tenants_count_max) return std::nullopt;
    return numbers_.emplace(name, static_cast<TenantNumber>(numbers_.size())).first->second;
}

TenantTable::TenantTable(std::vector<Tenant> tenants, std::uint32_t generation)
    : tenants_(std::move(tenants)), generation_(generation) {}

std::uint16_t TenantTable::add_stream(const std::string& stream) {
    if (stream.empty()) return 0;
    auto place = std::ranges::find(streams_, stream);
    if (place == streams_.end()) place = streams_.insert(place, stream);
    return static_cast<std::uint16_t>(place - streams_.begin() + 1);
}

const Tenant* TenantTable::find_name(std::string_view name) const {
    const auto found = std::ranges::find(tenants_, name, &Tenant::name);
    return found == tenants_.end() ? nullptr : &*found;
}

std::uint16_t TenantTable::stream_index_of(std::string_view name) const {
    const auto found = streams_index_.find(name);
    return found == streams_index_.end() ? std::uint16_t{0} : found->second;
}

bool TenantTable::add(const Tenant& tenant, TenantNumbers& numbers) {
    const auto number = numbers.of(tenant.name);
    if (!number) return false;
    if (by_number_.size() <= *number) by_number_.resize(*number + std::size_t{1});
    const std::uint16_t stream_index = add_stream(tenant.stream);
    by_number_[*number] = {&tenant, stream_index};
    streams_index_.emplace(tenant.name, stream_index);
    for (const CertificateName& name : tenant.certificates)
        certificates_.emplace(std::pair{name.kind, std::string_view(name.text)}, *number);
    for (const Token& token : tenant.tokens) entries_.push_back({key_of(token.digest), &token, *number});
    return true;
}

std::expected<std::shared_ptr<const TenantTable>, std::string> TenantTable::make(std::vector<Tenant> tenants,
                                                                                 TenantNumbers& numbers,
                                                                                 std::uint32_t generation) {
    std::shared_ptr<TenantTable> table(new TenantTable(std::move(tenants), generation));
    for (const Tenant& tenant : table->tenants_)
        if (!table->add(tenant, numbers))
            return std::unexpected("there have been more than 1024 names of tenants since the start; restart");
    static_assert(limits::tenants_count_max == 1024);
    std::ranges::sort(table->entries_, {}, &Entry::digest_begin);
    return table;
}

TenantTable::Found TenantTable::find(const Digest& digest) const {
    const std::uint64_t key = key_of(digest);
    for (auto entry = std::ranges::lower_bound(entries_, key, {}, &Entry::digest_begin);
         entry != entries_.end() && entry->digest_begin == key; ++entry)
        if (is_equal(entry->token->digest, digest)) return {entry->token, entry->tenant};
    return {};
}

TenantNumber TenantTable::find_certificate(CertificateNameKind kind, std::string_view text) const {
    const auto found = certificates_.find({kind, text});
    return found == certificates_.end() ? no_tenant : found->second;
}

bool TenantTable::has_token_id(std::string_view id) const {
    return std::ranges::any_of(entries_, [&](const Entry& entry) { return entry.token->id == id; });
}

}  // namespace sluice::tenants
