// NameSet: the names of one line's tags or fields, to find one that occurs twice. Views are borrowed. The thread of its
// decoder.
//
// A table of hashes with open addressing, emptied by a new generation: a line may have a thousand fields, and most
// have few.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "engine/core/limits.hpp"

namespace sluice::parsers {

class NameSet {
  public:
    void clear() {
        count_ = 0;
        if (++generation_ != 0) return;
        slots_ = {};  // the generations begin anew
        generation_ = 1;
    }
    // False: it is there already. At most limits::values_count_max names, which the caller counts.
    [[nodiscard]] bool insert(std::string_view name) {
        std::size_t at = hash_of(name) % slots_.size();
        for (; slots_[at].generation == generation_; at = (at + 1) % slots_.size())  // ends: half of them are free
            if (names_[slots_[at].index] == name) return false;
        slots_[at] = {generation_, static_cast<std::uint16_t>(count_)};
        names_[count_++] = name;
        return true;
    }
    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] bool is_full() const { return count_ == names_.size(); }

  private:
    struct Slot {
        std::uint16_t generation;
        std::uint16_t index;
    };
    static_assert(limits::values_count_max <= 0xffff);

    // FNV-1a over words of eight bytes: short names are one or two.
    [[nodiscard]] static std::size_t hash_of(std::string_view name) {
        constexpr std::uint64_t prime = 0x100000001b3;
        std::uint64_t hash = 0xcbf29ce484222325 ^ name.size();
        while (name.size() >= sizeof hash) {
            std::uint64_t word;
            std::memcpy(&word, name.data(), sizeof word);
            hash = (hash ^ word) * prime;
            name.remove_prefix(sizeof word);
        }
        std::uint64_t rest = 0;
        if (!name.empty()) std::memcpy(&rest, name.data(), name.size());  // memcpy takes no null
        hash = (hash ^ rest) * prime;
        return static_cast<std::size_t>(hash ^ hash >> 29);
    }

    std::array<Slot, 2 * limits::values_count_max> slots_{};
    std::array<std::string_view, limits::values_count_max> names_;
    std::size_t count_ = 0;
    std::uint16_t generation_ = 1;
};

}  // namespace sluice::parsers
