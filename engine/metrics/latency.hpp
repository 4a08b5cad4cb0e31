// Latency of each stage of a sample's way.
//
//   received ─ decode ─> decoded ─ hand_over ─> in the sink's queue ─ sink ─> replied ─ respond ─> response sent
//   └───────────────────────────────────────── total ─────────────────────────────────────────────┘
//
// decode: per request, receive completion seen → body decoded and rendered. hand_over: per batch, first sample rendered
// → pushed to the sink. sink: per batch, pushed → last reply read. respond: per response, decided → taken by the
// kernel. total: per response, received → taken by the kernel. Requests of one connection that are answered
// together are recorded with the times of the first of them.
//
// One owner thread; others get copies (Snapshot).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/metrics/latency_histogram.hpp"

namespace sluice {

enum class Stage : std::uint8_t { decode, hand_over, sink, respond, total };
inline constexpr std::size_t stages_count = 5;
[[nodiscard]] constexpr std::string_view name_of(Stage stage) {
    constexpr std::array<std::string_view, stages_count> names{"decode", "hand_over", "sink", "respond", "total"};
    return names[static_cast<std::size_t>(stage)];
}

// A histogram for each stage.
class Latency {
  public:
    void record(Stage stage, std::uint64_t begin_ns, std::uint64_t end_ns, std::uint64_t count = 1) {
        of(stage).record(end_ns > begin_ns ? end_ns - begin_ns : 0, count);
    }
    [[nodiscard]] LatencyHistogram& of(Stage stage) { return stages_[static_cast<std::size_t>(stage)]; }
    [[nodiscard]] const LatencyHistogram& of(Stage stage) const { return stages_[static_cast<std::size_t>(stage)]; }
    // All, in the order of Stage.
    [[nodiscard]] std::span<const LatencyHistogram, stages_count> stages() const { return stages_; }
    void reset() {
        for (auto& stage : stages_) stage.reset();
    }
    void copy_from(const Latency& other) {
        for (std::size_t i = 0; i < stages_count; ++i) stages_[i].copy_from(other.stages_[i]);
    }
    void add(const Latency& other) {
        for (std::size_t i = 0; i < stages_count; ++i) stages_[i].add(other.stages_[i]);
    }

  private:
    std::array<LatencyHistogram, stages_count> stages_;
};

}  // namespace sluice
