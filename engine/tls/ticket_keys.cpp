#include "engine/tls/ticket_keys.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

namespace sluice::tls {

TicketKeys::TicketKeys(std::uint64_t lifetime_s)
    : interval_ns_(std::max(lifetime_s / 2, interval_s_min) * 1'000'000'000) {}

// Under the lock. Keys that no ticket can be alive under are forgotten: after a pause, all of them.
bool TicketKeys::rotate(std::uint64_t now_ns) {
    if (keys_count_ != 0 && now_ns < next_ns_) return true;
    const bool was_idle = keys_count_ != 0 && now_ns >= next_ns_ + keys_count_max * interval_ns_;
    if (was_idle) keys_count_ = 0;
    Key key;
    if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(&key), sizeof key) != 1) return keys_count_ != 0;
    std::ranges::copy_backward(keys_.begin(), keys_.end() - 1, keys_.end());
    keys_[0] = key;
    keys_count_ = std::min(keys_count_ + 1, keys_count_max);
    next_ns_ = now_ns + interval_ns_;
    OPENSSL_cleanse(&key, sizeof key);
    return true;
}

std::optional<TicketKeys::Key> TicketKeys::newest(std::uint64_t now_ns) {
    const std::scoped_lock lock(mutex_);
    if (!rotate(now_ns)) return std::nullopt;
    return keys_[0];
}

std::optional<TicketKeys::Found> TicketKeys::find(const unsigned char* name, std::uint64_t now_ns) {
    const std::scoped_lock lock(mutex_);
    if (!rotate(now_ns)) return std::nullopt;
    for (std::size_t i = 0; i < keys_count_; ++i)
        if (std::memcmp(keys_[i].name.data(), name, keys_[i].name.size()) == 0) return Found{keys_[i], i == 0};
    return std::nullopt;
}

}  // namespace sluice::tls
