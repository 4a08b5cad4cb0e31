// KeySet: the member names of one JSON object, to find duplicates. Lives on the stack of the
// thread that reads it; views are borrowed.
//
// A 64-bit filter answers for nearly every object that all names differ; only when two names
// share a bit are the names compared. The worst a client can force is members_count_max² / 2 comparisons.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "engine/core/limits.hpp"

namespace sluice::parsers {

class KeySet {
  public:
    enum class Insertion : std::uint8_t { fresh, duplicate, full };

    Insertion insert(std::string_view key) {
        const std::uint64_t bit = std::uint64_t{1} << bit_of(key);
        if ((filter_bits_ & bit) != 0 && contains(key)) return Insertion::duplicate;
        if (count_ == keys_.size()) return Insertion::full;
        filter_bits_ |= bit;
        keys_[count_++] = {key.data(), key.size()};
        return Insertion::fresh;
    }

    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] std::string_view operator[](std::size_t index) const {
        return {keys_[index].data, keys_[index].size};
    }

  private:
    // Not a string_view: its constructor would make the array cost a kilobyte of zeros.
    struct Key {
        const char* data;
        std::size_t size;
    };

    static unsigned bit_of(std::string_view key) {
        if (key.empty()) return 0;
        const auto first = static_cast<unsigned char>(key.front());
        const auto last = static_cast<unsigned char>(key.back());
        return static_cast<unsigned>(first * 31u + last * 7u + key.size()) & 63u;
    }

    [[nodiscard]] bool contains(std::string_view key) const {
        for (std::size_t i = 0; i < count_; ++i)
            if (std::string_view{keys_[i].data, keys_[i].size} == key) return true;
        return false;
    }

    std::uint64_t filter_bits_ = 0;
    std::size_t count_ = 0;
    std::array<Key, limits::members_count_max> keys_;
};

}  // namespace sluice::parsers
