#include "tools/load/result/results.hpp"

#include <algorithm>
#include <functional>

#include "engine/core/check.hpp"

namespace sluice::load {
namespace {

constexpr std::int64_t value_ns_max = 3'600'000'000'000;
constexpr int significant_digits = 3;

}  // namespace

Histogram make_histogram() {
    hdr_histogram* histogram = nullptr;
    CHECK(::hdr_init(1, value_ns_max, significant_digits, &histogram) == 0);
    return Histogram(histogram);
}

Handshakes make_handshakes() { return {.full = make_histogram(), .resumed = make_histogram()}; }

void Counts::add(const Counts& other) {
    planned += other.planned;
    sent += other.sent;
    responses += other.responses;
    succeeded += other.succeeded;
    samples += other.samples;
    connects += other.connects;
    sent_bytes += other.sent_bytes;
    received_bytes += other.received_bytes;
    unsolicited += other.unsolicited;
    std::ranges::transform(faults, other.faults, faults.begin(), std::plus{});
    std::ranges::transform(acks, other.acks, acks.begin(), std::plus{});
    std::ranges::transform(statuses, other.statuses, statuses.begin(), std::plus{});
}

double Counts::failed_share() const {
    const auto failed_count = static_cast<double>(failed());
    const double ended_count = failed_count + static_cast<double>(succeeded);
    return ended_count == 0 ? 0 : failed_count / ended_count;
}

Verdict RunResult::verdict() const {
    if (!failure.empty()) return Verdict::failed;
    if (!is_valid()) return Verdict::invalid;
    return std::ranges::all_of(thresholds, &ThresholdResult::holds) ? Verdict::ok : Verdict::missed;
}

double RunResult::success_rate() const {
    if (totals.responses == 0) return 0;
    return achieved_rate * static_cast<double>(totals.succeeded) / static_cast<double>(totals.responses);
}

}  // namespace sluice::load
