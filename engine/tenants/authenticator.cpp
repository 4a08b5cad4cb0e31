#include "engine/tenants/authenticator.hpp"

#include <openssl/crypto.h>

namespace sluice::tenants {

Authenticator::Result Authenticator::check(Slot slot, Source source, std::string_view text, std::string_view token,
                                           std::uint64_t now_ns, std::int64_t unix_s) {
    const TenantTable::Found found = table_->find(sha256_(token));
    if (found.token == nullptr) return {};
    const std::int64_t expires_s = found.token->expires_s;
    if (expires_s != 0 && unix_s >= expires_s) return {Outcome::expired, found.tenant, 0};
    const Result result{Outcome::good, found.tenant, found.token->scopes_mask};
    if (text.size() > remembered_bytes_max) return result;
    Memory& memory = memories_[slot];
    memory.end_ns = now_ns + memory_ns;
    memory.generation = table_->generation();
    memory.source = source;
    memory.text_bytes = static_cast<std::uint8_t>(text.size());
    memory.result = result;
    text.copy(memory.text.data(), text.size());
    return result;
}

void Authenticator::forget(Slot slot) {
    Memory& memory = memories_[slot];
    if (memory.source == Source::none) return;
    ::OPENSSL_cleanse(memory.text.data(), memory.text_bytes);
    memory.source = Source::none;
}

}  // namespace sluice::tenants
