// Layouts: what a sample becomes in Redis. Chosen by sink.redis.layout, rendered by sinks/redis/layout.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice {

enum class RedisLayout : std::uint8_t {
    fields,  // an entry of a stream, a field for each member
    json,    // an entry of a stream with one field: the sample as it came
    list,    // an element of a list: the sample as it came
    packed,  // an entry of a stream for a whole batch
};

// Indexed by the value of the enum.
inline constexpr std::array<std::string_view, 4> redis_layout_names{"fields", "json", "list", "packed"};
static_assert(static_cast<std::size_t>(RedisLayout::packed) == redis_layout_names.size() - 1);

}  // namespace sluice
