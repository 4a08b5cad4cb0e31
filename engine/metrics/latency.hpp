// Latency of each stage of a sample's way, as HdrHistograms in ns.
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
#include <memory>
#include <span>
#include <string_view>

struct hdr_histogram;

namespace sluice {

enum class Stage : std::uint8_t { decode, hand_over, sink, respond, total };
inline constexpr std::size_t stages_count = 5;
[[nodiscard]] constexpr std::string_view name_of(Stage stage) {
    constexpr std::array<std::string_view, stages_count> names{"decode", "hand_over", "sink", "respond", "total"};
    return names[static_cast<std::size_t>(stage)];
}

// 1 ns to 1 h with 2 significant digits: an error of at most 1 %, in 40 KiB that never grow. Longer times
// are recorded as 1 h.
class LatencyHistogram {
  public:
    LatencyHistogram();
    ~LatencyHistogram();
    LatencyHistogram(LatencyHistogram&&) noexcept = default;
    LatencyHistogram& operator=(LatencyHistogram&&) noexcept = default;

    void record(std::uint64_t ns, std::uint64_t count = 1);
    void reset();
    void copy_from(const LatencyHistogram& other);
    void add(const LatencyHistogram& other);

    [[nodiscard]] std::uint64_t count() const;
    [[nodiscard]] std::uint64_t max_ns() const;
    // `percentile` of 0 to 100.
    [[nodiscard]] std::uint64_t value_at_ns(double percentile) const;
    // How many values are at most `bound_ns[i]`, for ascending bounds.
    void cumulative_counts(const std::uint64_t* bounds_ns, std::size_t bounds_count, std::uint64_t* counts) const;
    [[nodiscard]] std::uint64_t sum_ns() const { return sum_ns_; }

  private:
    struct Close {
        void operator()(hdr_histogram* histogram) const;
    };
    std::unique_ptr<hdr_histogram, Close> histogram_;
    std::uint64_t sum_ns_ = 0;  // exact; the histogram knows only its buckets
};

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
