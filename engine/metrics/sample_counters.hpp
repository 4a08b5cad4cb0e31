// What a reactor counts about samples, and the law that the counts obey.
//
//   received = accepted + Σ rejected[reason]        accepted = delivered + Σ dropped[reason] + in_flight
//
// received: records looked at. accepted: made part of a batch. delivered: confirmed by the sink. dropped: accepted,
// then refused by the sink, with the client told so (503), or left over when the engine gave up at shutdown. in_flight
// is not derived from the others: it is counted from the batches. The reactor's thread; others read copies.
//
// Each format has its own (ByFormat), and the law holds for each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "engine/core/ingest_format.hpp"
#include "engine/core/refusal.hpp"

namespace sluice {

struct SampleCounters {
    std::uint64_t received = 0;
    std::uint64_t accepted = 0;
    std::uint64_t delivered = 0;
    std::uint64_t dropped_sink_refused = 0;
    std::array<std::uint64_t, refusals_count> rejected{};

    void reject(Refusal reason, std::uint64_t count = 1) {
        received += count;
        rejected[static_cast<std::size_t>(reason)] += count;
    }
    void add(const SampleCounters& other) {
        received += other.received;
        accepted += other.accepted;
        delivered += other.delivered;
        dropped_sink_refused += other.dropped_sink_refused;
        for (std::size_t i = 0; i < rejected.size(); ++i) rejected[i] += other.rejected[i];
    }
    [[nodiscard]] std::uint64_t rejected_total() const {
        return std::accumulate(rejected.begin(), rejected.end(), std::uint64_t{0});
    }
    [[nodiscard]] bool is_conserved(std::uint64_t in_flight) const {
        return received == accepted + rejected_total() && accepted == delivered + dropped_sink_refused + in_flight;
    }
};

[[nodiscard]] inline SampleCounters total_of(const ByFormat<SampleCounters>& formats) {
    SampleCounters total;
    for (const SampleCounters& counters : formats) total.add(counters);
    return total;
}

[[nodiscard]] inline std::uint64_t total_of(const ByFormat<std::uint64_t>& formats) {
    return std::accumulate(formats.begin(), formats.end(), std::uint64_t{0});
}

[[nodiscard]] inline bool are_conserved(const ByFormat<SampleCounters>& formats,
                                        const ByFormat<std::uint64_t>& in_flight) {
    for (const IngestFormat format : ingest_formats)
        if (!formats[format].is_conserved(in_flight[format])) return false;
    return true;
}

}  // namespace sluice
