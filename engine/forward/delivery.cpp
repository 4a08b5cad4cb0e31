#include "engine/forward/delivery.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/delivery/sink_factory.hpp"

namespace sluice::forward {
namespace {

// Rounds that may be rendered while the first of them is under way: as many as the Redis sink sends ahead; and exactly
// once, where it sends half of them in one transaction, all that it holds.
constexpr std::size_t rounds_count_max = 8;
constexpr std::size_t owned_rounds_count_max = limits::sink_window_batches_count_max;
// How long replies are let gather while the server has work for longer than that (eight rounds of a Redis are about 3
// ms, of `packed` 0.7 ms). Whoever is woken by each reply is woken by the server, which pays for it: with this, replay
// to a Redis that is the bottleneck went from 0.855 to 0.94 of redis-benchmark's rate, and Redis' CPU a sample
// from 1.15 to 1.03 µs.
constexpr std::uint64_t gather_ns = 200'000;

std::size_t parcels_count(std::size_t lanes_count, const sinks::StreamOwner& owner) {
    return (owner.instance.empty() ? rounds_count_max : owned_rounds_count_max) * lanes_count;
}

}  // namespace

Delivery::Delivery(const config::Config& config, const sinks::StreamOwner& owner)
    : encoder_(make_delivery_encoder(config, owner)),
      sink_(make_delivery_sink(config, *this, owner)),
      sends_ahead_(owner.instance.empty()),
      open_(encoder_->lane_count()),
      waiting_(parcels_count(open_.size(), owner)),
      in_flight_(parcels_count(open_.size(), owner)) {
    for (std::size_t i = 0; i < parcels_count(open_.size(), owner); ++i) {
        auto parcel = std::make_unique<Parcel>();
        parcel->arena.resize(config.batch.arena_bytes);
        parcel->batch.bind(parcel->arena, 0);
        free_.push_back(parcel.get());
        parcels_.push_back(std::move(parcel));
    }
}

Delivery::~Delivery() = default;

bool Delivery::append(const Sample& sample) {
    const std::uint32_t lane = encoder_->lane_of(sample);
    if (open_[lane] == nullptr) {
        CHECK(!free_.empty());
        open_[lane] = free_.back();
        free_.pop_back();
        open_[lane]->batch.clear();
        open_[lane]->batch.lane = static_cast<std::uint16_t>(lane);
        open_[lane]->end.reset();
        open_[lane]->is_settled = false;
    }
    return encoder_->append(open_[lane]->batch, sample);
}

void Delivery::close_round(const sinks::journal::Position& end) {
    Parcel* last = nullptr;
    for (Parcel*& open : open_) {
        if (open == nullptr) continue;
        Parcel* const parcel = std::exchange(open, nullptr);
        if (parcel->batch.empty()) {
            free_.push_back(parcel);
            continue;
        }
        encoder_->seal(parcel->batch);
        parcel->batch.handed_over_count = parcel->batch.sample_count();
        waiting_.push_back(parcel);
        in_flight_.push_back(parcel);
        last = parcel;
    }
    if (last != nullptr) last->end = end;
}

bool Delivery::is_idle() const {
    return in_flight_.empty() && std::ranges::all_of(open_, [](const Parcel* parcel) { return parcel == nullptr; });
}

void Delivery::settle(Batch& batch, Settlement settlement) {
    CHECK(settlement == Settlement::final);  // nobody waits for a part of a batch
    std::size_t index = 0;
    while (&in_flight_[index]->batch != &batch) ++index;  // ends: a batch that is not there fails the bound's CHECK
    in_flight_[index]->is_settled = true;
}

void Delivery::take_settled() {
    while (!in_flight_.empty() && in_flight_.front()->is_settled) {
        Parcel* const parcel = in_flight_.front();
        in_flight_.pop_front();
        confirmed_samples_count_ += parcel->batch.settled.delivered;
        if (parcel->end) confirmed_ = parcel->end;
        free_.push_back(parcel);
    }
}

// Most of what there is room for is under way, so the sink has work for longer than replies are let gather.
bool Delivery::lets_replies_gather() const { return sends_ahead_ && 2 * in_flight_.size() > parcels_.size(); }

void Delivery::pump(std::uint64_t wait_ns, int wake_fd) {
    for (; !waiting_.empty() && sink_->has_room(); waiting_.pop_front()) sink_->submit(waiting_.front()->batch);
    sink_->advance(revents_, monotonic_ns());
    take_settled();
    const sinks::Interest interest = sink_->interest();
    const std::uint64_t now_ns = monotonic_ns();
    if (interest.deadline_ns != 0)
        wait_ns = std::min(wait_ns, interest.deadline_ns > now_ns ? interest.deadline_ns - now_ns : 0);
    // ppoll(2) passes over descriptors that are negative.
    std::array<pollfd, 2> descriptors{pollfd{interest.fd, interest.events, 0}, pollfd{wake_fd, POLLIN, 0}};
    if (wait_ns > gather_ns && interest.fd >= 0 && lets_replies_gather()) {
        const timespec nap{0, static_cast<long>(gather_ns)};
        static_cast<void>(::ppoll(&descriptors[1], 1, &nap, nullptr));
    }
    const timespec timeout{static_cast<time_t>(wait_ns / 1'000'000'000), static_cast<long>(wait_ns % 1'000'000'000)};
    const int ready = ::ppoll(descriptors.data(), descriptors.size(), &timeout, nullptr);
    revents_ = ready > 0 ? descriptors[0].revents : short{0};
}

}  // namespace sluice::forward
