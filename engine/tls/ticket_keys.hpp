// TicketKeys: what session tickets are sealed with. Three keys in memory: the newest seals, all of them open. A new one
// is made each hour, or each half of a ticket's life if that is longer, and the oldest is forgotten then: what was
// recorded before cannot be read with what the engine holds later.
//
// Shared by all reactors: any thread, under a lock that is held for a copy of 80 bytes. Asked once or twice for each
// handshake.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>

namespace sluice::tls {

class TicketKeys {
  public:
    struct Key {
        std::array<unsigned char, 16> name;
        std::array<unsigned char, 32> cipher;  // AES-256
        std::array<unsigned char, 32> mac;  // HMAC-SHA-256
    };
    struct Found {
        Key key;
        bool is_newest;
    };

    explicit TicketKeys(std::uint64_t lifetime_s);

    // The key that seals. Nothing if no random number can be had. `now_ns`: monotonic.
    [[nodiscard]] std::optional<Key> newest(std::uint64_t now_ns);
    // By name; nothing if it is forgotten.
    [[nodiscard]] std::optional<Found> find(const unsigned char* name, std::uint64_t now_ns);

  private:
    static constexpr std::size_t keys_count_max = 3;
    static constexpr std::uint64_t interval_s_min = 3600;

    [[nodiscard]] bool rotate(std::uint64_t now_ns);

    const std::uint64_t interval_ns_;
    std::mutex mutex_;
    std::array<Key, keys_count_max> keys_{};  // keys_[0] is the newest
    std::size_t keys_count_ = 0;
    std::uint64_t next_ns_ = 0;  // when the next key is made
};

}  // namespace sluice::tls
