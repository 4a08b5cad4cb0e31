#include "engine/forward/delivery.hpp"

#include <algorithm>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/delivery/sink_factory.hpp"
#include "engine/delivery/sink_wait.hpp"

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

std::size_t pool_count(std::size_t lanes_count, const sinks::StreamOwner& owner) {
    return (owner.instance.empty() ? rounds_count_max : owned_rounds_count_max) * lanes_count;
}

}  // namespace

Delivery::Delivery(const config::Config& config, const sinks::StreamOwner& owner)
    : encoder_(make_delivery_encoder(config, owner)),
      sink_(make_delivery_sink(config, *this, owner)),
      sends_ahead_(owner.instance.empty()),
      open_(encoder_->lane_count()),
      waiting_(pool_count(open_.size(), owner)),
      in_flight_(pool_count(open_.size(), owner)) {
    for (std::size_t i = 0; i < pool_count(open_.size(), owner); ++i) {
        auto pooled = std::make_unique<PooledBatch>();
        pooled->arena.resize(config.batch.arena_bytes);
        pooled->batch.bind(pooled->arena, 0);
        free_.push_back(pooled.get());
        pool_.push_back(std::move(pooled));
    }
}

Delivery::~Delivery() = default;

bool Delivery::append(const Sample& sample) {
    const std::uint32_t lane = encoder_->lane_of(sample);
    CHECK(lane < open_.size());
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
    PooledBatch* last = nullptr;
    for (PooledBatch*& open : open_) {
        if (open == nullptr) continue;
        PooledBatch* const pooled = std::exchange(open, nullptr);
        if (pooled->batch.empty()) {
            free_.push_back(pooled);
            continue;
        }
        encoder_->seal(pooled->batch);
        pooled->batch.handed_over_count = pooled->batch.sample_count();
        waiting_.push_back(pooled);
        in_flight_.push_back(pooled);
        last = pooled;
    }
    if (last != nullptr) last->end = end;
}

bool Delivery::is_idle() const {
    return in_flight_.empty() &&
           std::ranges::all_of(open_, [](const PooledBatch* pooled) { return pooled == nullptr; });
}

void Delivery::settle(Batch& batch, Settlement settlement) {
    CHECK(settlement == Settlement::final);  // nobody waits for a part of a batch
    std::size_t index = 0;
    while (&in_flight_[index]->batch != &batch) ++index;  // ends: a batch that is not there fails the bound's CHECK
    CHECK(!in_flight_[index]->is_settled);
    in_flight_[index]->is_settled = true;
}

void Delivery::take_settled() {
    while (!in_flight_.empty() && in_flight_.front()->is_settled) {
        PooledBatch* const pooled = in_flight_.front();
        in_flight_.pop_front();
        confirmed_samples_count_ += pooled->batch.settled.delivered;
        CHECK(!pooled->end || !confirmed_ || *pooled->end >= *confirmed_);  // what is confirmed stays so
        if (pooled->end) confirmed_ = pooled->end;
        free_.push_back(pooled);
    }
}

// Most of what there is room for is under way, so the sink has work for longer than replies are let gather.
bool Delivery::lets_replies_gather() const { return sends_ahead_ && 2 * in_flight_.size() > pool_.size(); }

void Delivery::pump(std::uint64_t wait_ns, int wake_fd) {
    for (; !waiting_.empty() && sink_->has_room(); waiting_.pop_front()) sink_->submit(waiting_.front()->batch);
    sink_->advance(revents_, monotonic_ns());
    take_settled();
    const sinks::Interest interest = sink_->interest();
    const std::uint64_t now_ns = monotonic_ns();
    const std::uint64_t deadline_ns = sinks::earlier(interest.deadline_ns, now_ns + wait_ns);
    if (deadline_ns > now_ns + gather_ns && interest.fd >= 0 && lets_replies_gather())
        static_cast<void>(wait_for_sink({}, wake_fd, now_ns + gather_ns, now_ns));
    revents_ = wait_for_sink(interest, wake_fd, deadline_ns, now_ns).revents;
}

}  // namespace sluice::forward
