// The samples that a Redis holds, in the order in which they were stored. Knows the layouts of Sluice: streams of
// fields, of `json`, of packed `ndjson`, and a list of JSON; it looks at what is there and needs not be told which.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>

#include "engine/config/config.hpp"

namespace sluice::load {

struct StoredSamples {
    std::uint64_t samples_count = 0;  // with a device and a seq
    std::uint64_t foreign_count = 0;  // entries without
};

// `key_index`: a number for each key that is read, since only within one there is an order.
using TakeSample = std::function<void(const std::string& device, std::uint64_t seq, std::size_t key_index)>;

// Reads the key `stream`, its partitions `stream:{0}`, `stream:{1}`, …, and the list `list_key`, those that exist.
// Reads in pages, so that Redis is never kept from others for long. The error is a sentence.
[[nodiscard]] std::expected<StoredSamples, std::string> read_samples(const config::SinkUrl& url,
                                                                     const std::string& stream,
                                                                     const std::string& list_key,
                                                                     const TakeSample& take);

}  // namespace sluice::load
