// Acknowledgement levels: what a 2xx promises. See README, "What a 2xx means".
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

enum class AckLevel : std::uint8_t {
    queued,     // checked and in a bounded in-memory batch; survives nothing
    journaled,  // in the local journal, and synced; survives the engine's crash and a power loss
    stored,     // Redis answered OK to every command of the request; survives the engine's crash
    replicated, // as stored, and enough replicas have it; survives the primary's crash as far as a failover keeps it
    none,       // checked and discarded: only ever answered, by an engine whose sink keeps nothing
};

// Those that a client or the configuration can ask for. Indexed by the value of the enum.
inline constexpr std::array<std::string_view, 4> ack_level_names{"queued", "journaled", "stored", "replicated"};
inline constexpr std::size_t ack_levels_count = ack_level_names.size() + 1;  // with `none`
static_assert(static_cast<std::size_t>(AckLevel::none) == ack_levels_count - 1);

[[nodiscard]] constexpr std::string_view name_of(AckLevel level) {
    return level == AckLevel::none ? "none" : ack_level_names[static_cast<std::size_t>(level)];
}

[[nodiscard]] constexpr std::optional<AckLevel> ack_level_of(std::string_view name) {
    const auto* const found = std::ranges::find(ack_level_names, name);
    if (found == ack_level_names.end()) return std::nullopt;
    return static_cast<AckLevel>(found - ack_level_names.begin());
}

// What an engine can promise, which follows from its sink.
struct AckOffer {
    AckLevel preset = AckLevel::stored;  // where a request does not ask; one that is offered
    bool has_journal = false;
    bool has_store = true;
    bool has_replicas = false;
    bool is_discarding = false;  // the sink keeps nothing: any level is taken, and none is given
    AckLevel asked_max = AckLevel::replicated;  // the most that a request may ask for

    // The same for who may ask for `level` at most.
    [[nodiscard]] constexpr AckOffer capped(AckLevel level) const {
        AckOffer offer = *this;
        offer.asked_max = level;
        // Of the levels that are offered the greatest below it: `queued` always is.
        while (offer.preset > level || !offer.resolve(offer.preset)) {
            if (offer.preset == AckLevel::queued) break;
            offer.preset = static_cast<AckLevel>(static_cast<int>(offer.preset) - 1);
        }
        return offer;
    }

    // The level that a request gets which asks for `asked`; nothing if the engine does not have it. Where samples go to
    // a journal, `stored` gets `journaled`: it survives more, and the answer names it.
    // `replicated` is refused there: no journal on one disk is worth another machine's copy.
    [[nodiscard]] constexpr std::optional<AckLevel> resolve(AckLevel asked) const {
        if (asked > asked_max) return std::nullopt;
        if (is_discarding) return asked == AckLevel::queued ? AckLevel::queued : AckLevel::stored;
        if (asked == AckLevel::stored && !has_store) return AckLevel::journaled;
        if (asked == AckLevel::journaled && !has_journal) return std::nullopt;
        if (asked == AckLevel::replicated && !has_replicas) return std::nullopt;
        return asked;
    }
    // What the answer to a request of `level` promises.
    [[nodiscard]] constexpr AckLevel promised(AckLevel level) const { return is_discarding ? AckLevel::none : level; }
};

}  // namespace sluice
