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
// Each format has a histogram of each stage. A batch is recorded once: under the format of all its samples, or under
// IngestFormat::none if it holds samples of several formats. respond and total have IngestFormat::none too: of answers
// that are no ingest endpoint's.
//
// One owner thread; others get copies (Snapshot).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/core/ingest_format.hpp"
#include "engine/metrics/latency_histogram.hpp"

namespace sluice {

enum class Stage : std::uint8_t { decode, hand_over, sink, respond, total };
inline constexpr std::size_t stages_count = 5;
[[nodiscard]] constexpr std::string_view name_of(Stage stage) {
    constexpr std::array<std::string_view, stages_count> names{"decode", "hand_over", "sink", "respond", "total"};
    return names[static_cast<std::size_t>(stage)];
}

inline constexpr std::array<Stage, stages_count> stages{Stage::decode, Stage::hand_over, Stage::sink, Stage::respond,
                                                        Stage::total};
[[nodiscard]] constexpr bool is_of_batch(Stage stage) { return stage == Stage::hand_over || stage == Stage::sink; }

// A histogram for each stage and format.
class Latency {
  public:
    void record(Stage stage, IngestFormat format, std::uint64_t begin_ns, std::uint64_t end_ns,
                std::uint64_t count = 1) {
        of(stage)[format].record(end_ns > begin_ns ? end_ns - begin_ns : 0, count);
    }
    [[nodiscard]] ByFormat<LatencyHistogram>& of(Stage stage) { return stages_[static_cast<std::size_t>(stage)]; }
    [[nodiscard]] const ByFormat<LatencyHistogram>& of(Stage stage) const {
        return stages_[static_cast<std::size_t>(stage)];
    }
    void reset() {
        for (auto& stage : stages_)
            for (LatencyHistogram& histogram : stage) histogram.reset();
    }
    void copy_from(const Latency& other) {
        for (const Stage stage : stages)
            for (const IngestFormat format : ingest_formats) of(stage)[format].copy_from(other.of(stage)[format]);
    }

  private:
    std::array<ByFormat<LatencyHistogram>, stages_count> stages_;
};

}  // namespace sluice
