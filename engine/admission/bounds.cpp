#include "engine/admission/bounds.hpp"

namespace sluice::admission {
namespace {

// Values and bounds stay far below 2^64 / 100: entries below 10^12, memory below 10^17 bytes.
bool is_over(bool was_over, std::optional<std::uint64_t> value, std::uint64_t bound) {
    if (bound == 0 || !value) return false;
    return was_over ? *value * 100 >= bound * Bounds::reopen_percent : *value >= bound;
}

}  // namespace

std::uint64_t Bounds::memory_bytes_max(const Figures& figures) const {
    return figures.limit_bytes.value_or(0) / 100 * settings_.memory_percent_max;
}

Verdict Bounds::judge(const Figures& figures) {
    is_memory_over_ = is_over(is_memory_over_, figures.used_bytes, memory_bytes_max(figures));
    is_length_over_ = is_over(is_length_over_, figures.length_sum, settings_.length_max);
    is_lag_over_ = is_over(is_lag_over_, figures.group_lag_max, settings_.group_lag_max);
    if (is_memory_over_) return Verdict::redis_memory;
    if (is_length_over_) return Verdict::stream_full;
    if (is_lag_over_) return Verdict::consumers_behind;
    return Verdict::admit;
}

Bounds::Comparison Bounds::comparison(Verdict verdict, const Figures& figures) const {
    switch (verdict) {
        case Verdict::admit: break;
        case Verdict::redis_memory: return {figures.used_bytes.value_or(0), memory_bytes_max(figures)};
        case Verdict::stream_full: return {figures.length_sum.value_or(0), settings_.length_max};
        case Verdict::consumers_behind: return {figures.group_lag_max.value_or(0), settings_.group_lag_max};
    }
    return {};
}

}  // namespace sluice::admission
