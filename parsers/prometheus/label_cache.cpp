#include "parsers/prometheus/label_cache.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

#include "engine/core/check.hpp"

namespace sluice::parsers {
namespace {

std::uint64_t hash_of(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }
std::size_t index_of(std::uint64_t hash) { return hash % LabelCache::entries_count; }
std::uint32_t high_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

}  // namespace

bool LabelCache::is_known(std::string_view bytes, Labels& labels) const {
    if (bytes.empty() || bytes.size() > text_bytes_max) return false;
    const std::uint64_t hash = hash_of(bytes);
    const Entry& entry = entries_[index_of(hash)];
    if (entry.high_hash_bits != high_of(hash) || entry.key_bytes != bytes.size()) return false;
    if (std::memcmp(entry.text.data(), bytes.data(), bytes.size()) != 0) return false;
    labels = {bytes.substr(entry.name.begin, entry.name.bytes),
              bytes.substr(entry.device.begin, entry.device.bytes),
              {entry.text.data() + entry.key_bytes, entry.metadata_bytes}};
    return true;
}

void LabelCache::keep(std::string_view bytes, const Labels& labels) {
    if (bytes.empty() || bytes.size() + labels.metadata.size() > text_bytes_max) return;
    const auto part_of = [&](std::string_view text) {
        CHECK(text.data() >= bytes.data() && text.data() + text.size() <= bytes.data() + bytes.size());
        return Part{static_cast<std::uint16_t>(text.data() - bytes.data()), static_cast<std::uint16_t>(text.size())};
    };
    const std::uint64_t hash = hash_of(bytes);
    Entry& entry = entries_[index_of(hash)];
    entry.high_hash_bits = high_of(hash);
    entry.key_bytes = static_cast<std::uint16_t>(bytes.size());
    entry.metadata_bytes = static_cast<std::uint16_t>(labels.metadata.size());
    entry.name = part_of(labels.name);
    entry.device = part_of(labels.device);
    std::memcpy(entry.text.data(), bytes.data(), bytes.size());
    if (labels.metadata.empty()) return;  // memcpy takes no null
    std::memcpy(entry.text.data() + bytes.size(), labels.metadata.data(), labels.metadata.size());
}

}  // namespace sluice::parsers
