// LabelCache: the labels of series that came before, rendered. A sender of remote write 1.0 sends the same labels with
// each sample: reading, checking and rendering them was half of a decoder's time.
//
// The key is the labels' bytes as they came, compared whole; so an entry never lies, and a hash that two share costs
// time only. Labels without a fault are kept, each in the one place that their hash names, instead of those that were
// there. Memory is touched as entries are used: at most 8 MiB. The thread of its decoder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/core/lazy_array.hpp"

namespace sluice::parsers {

class LabelCache {
  public:
    // More series than that, in turns, take each other's places.
    static constexpr std::size_t entries_count = 16'384;
    // Of the bytes of labels and of their metadata together; a series of the node exporter has some 250.
    static constexpr std::size_t text_bytes_max = 496;

    struct Labels {
        std::string_view name;  // of the metric; within the bytes of the labels
        std::string_view device;  // within them, or equal to `name`
        std::string_view metadata;  // JSON, valid until keep(); empty: no other label
    };

    // False: not known.
    [[nodiscard]] bool is_known(std::string_view bytes, Labels& labels) const;
    // Nothing happens if they are too large.
    void keep(std::string_view bytes, const Labels& labels);

  private:
    struct Part {
        std::uint16_t begin, bytes;
    };
    // Zero: empty, since no series without labels is kept.
    struct Entry {
        std::uint32_t high_hash_bits;
        std::uint16_t key_bytes, metadata_bytes;
        Part name, device;
        std::array<char, text_bytes_max> text;  // the key, the metadata
    };
    static_assert(sizeof(Entry) == 512);

    LazyArray<Entry> entries_{entries_count};
};

}  // namespace sluice::parsers
