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

// Where samples are looked for. What was named by the user must exist; of the defaults one must.
struct SampleKeys {
    std::string stream, list_key;
    bool is_stream_given = false, is_list_given = false;
};

// Reads the stream, its partitions `stream:{0}`, `stream:{1}`, … and the list, those that exist, from the Redis that
// sink.url names, as the engine would connect to it. Reads in pages, so that Redis is never kept from others for long.
// The error is a sentence; where a key is missing it tells which keys there are.
[[nodiscard]] std::expected<StoredSamples, std::string> read_samples(const config::Config& config,
                                                                     const SampleKeys& keys, const TakeSample& take);

}  // namespace sluice::load
