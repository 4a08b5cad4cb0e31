#include "engine/watch/bounds.hpp"

namespace sluice::watch {

// Values and bounds stay far below 2^64 / 100: entries below 10^12, memory below 10^17 bytes.
void Bounds::Side::observe(std::optional<std::uint64_t> value, std::optional<std::uint64_t> bound) {
    has_lapsed = false;
    if (bound == 0) {
        is_over = false;
    } else if (value && bound) {
        unknown_count = 0;
        is_over = is_over ? *value * 100 >= *bound * reopen_percent : *value >= *bound;
    } else if (is_over && ++unknown_count > unknown_observations_max) {
        has_lapsed = true;
        is_over = false;
    }
    if (!is_over) unknown_count = 0;
}

std::optional<std::uint64_t> Bounds::memory_bytes_max(const Figures& figures) const {
    if (settings_.memory_percent_max == 0) return 0;
    if (!figures.limit_bytes) return std::nullopt;
    return *figures.limit_bytes / 100 * settings_.memory_percent_max;
}

PassedBound Bounds::judge(const Figures& figures) {
    memory_.observe(figures.used_bytes, memory_bytes_max(figures));
    length_.observe(figures.length_sum, settings_.length_max);
    lag_.observe(figures.group_lag_max, settings_.group_lag_max);
    if (memory_.is_over) return PassedBound::redis_memory;
    if (length_.is_over) return PassedBound::stream_full;
    if (lag_.is_over) return PassedBound::consumers_behind;
    return PassedBound::none;
}

Bounds::Comparison Bounds::comparison(PassedBound passed, const Figures& figures) const {
    switch (passed) {
        case PassedBound::none: break;
        case PassedBound::redis_memory: return {figures.used_bytes.value_or(0), memory_bytes_max(figures).value_or(0)};
        case PassedBound::stream_full: return {figures.length_sum.value_or(0), settings_.length_max};
        case PassedBound::consumers_behind: return {figures.group_lag_max.value_or(0), settings_.group_lag_max};
    }
    return {};
}

}  // namespace sluice::watch
