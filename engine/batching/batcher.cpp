#include "engine/batching/batcher.hpp"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

// Of each lane. A pool that is too small for a batch each has none.
std::uint32_t reserve_of(const sinks::Encoder& encoder, std::size_t batches_count) {
    const std::size_t lanes_count = encoder.lane_count();
    if (!encoder.lanes_are_independent() || batches_count <= lanes_count) return 0;
    return static_cast<std::uint32_t>(std::max<std::size_t>(1, batches_count / (2 * lanes_count)));
}

}  // namespace

void Batcher::List::push_back(Batch* batch) {
    batch->next = nullptr;
    (last == nullptr ? first : last->next) = batch;
    last = batch;
}

Batch* Batcher::List::pop_front() {
    CHECK(first != nullptr);
    Batch* batch = first;
    first = batch->next;
    if (first == nullptr) last = nullptr;
    batch->next = nullptr;
    return batch;
}

void Batcher::List::append(List& other) {
    if (other.first == nullptr) return;
    (last == nullptr ? first : last->next) = other.first;
    last = other.last;
    other = {};
}

Batcher::Batcher(sinks::Encoder& encoder, BatchPool& pool, SinkThread::Producer& sink, const BatcherSettings& settings)
    : encoder_(encoder),
      pool_(pool),
      sink_(sink),
      settings_(settings),
      are_lanes_independent_(encoder.lanes_are_independent()),
      is_one_command_per_batch_(encoder.is_one_command_per_batch()),
      reserve_count_(reserve_of(encoder, pool.count())),
      shared_count_(static_cast<std::uint32_t>(pool.count()) - reserve_count_ * encoder.lane_count()),
      lanes_(encoder.lane_count()) {
    active_.reserve(lanes_.size());
    at_once_.reserve(lanes_.size());
    apart_.reserve(lanes_.size());
}

// --- batches of the pool -------------------------------------------------------------------------------------------

// Null: the lane has used its reserve, and nothing is left of what all share.
Batch* Batcher::take(Lane& lane) {
    if (lane.held_count >= reserve_count_) {
        if (shared_in_use_count_ == shared_count_) return nullptr;
        ++shared_in_use_count_;
    }
    ++lane.held_count;
    Batch* const batch = pool_.take();
    CHECK(batch !=
          nullptr);  // free are those that are shared and not in use, and what lanes have left of their reserves
    return batch;
}

void Batcher::give_back(Lane& lane, Batch& batch) {
    CHECK(lane.held_count != 0);
    if (--lane.held_count >= reserve_count_) --shared_in_use_count_;
    pool_.give_back(&batch);
}

// --- one request ---------------------------------------------------------------------------------------------------

void Batcher::Transaction::reserve(std::size_t lanes_count) {
    parts_.resize(lanes_count);
    touched_.reserve(lanes_count);
}

std::span<const std::uint32_t> Batcher::Transaction::independent_lanes() const {
    return batcher_.are_lanes_independent_ ? std::span<const std::uint32_t>(touched_)
                                           : std::span<const std::uint32_t>();
}

Batch*& Batcher::Transaction::open_of(std::uint32_t index) {
    return kind_ == Kind::apart ? parts_[index].open : batcher_.lanes_[index].open;
}

void Batcher::Transaction::touch(Part& part, std::uint32_t index) {
    part.is_touched = true;
    touched_.push_back(index);
    if (kind_ == Kind::apart) return;
    Lane& lane = batcher_.lanes_[index];
    if (lane.open != nullptr && !lane.open->has_ticket_room()) lane.full.push_back(std::exchange(lane.open, nullptr));
    part.base = lane.open;
    if (part.base != nullptr) part.mark = part.base->mark();
}

bool Batcher::Transaction::open_batch(Batch*& open, std::uint32_t index, std::uint64_t now_ns) {
    open = batcher_.take(batcher_.lanes_[index]);
    if (open == nullptr) return false;
    open->lane = static_cast<std::uint16_t>(index);
    open->opened_ns = now_ns;
    return true;
}

bool Batcher::Transaction::append(const Sample& sample, std::uint64_t now_ns, std::uint32_t record_index) {
    const std::uint32_t index = batcher_.encoder_.lane_of(sample);
    CHECK(index < parts_.size());
    Part& part = parts_[index];
    if (!part.is_touched) touch(part, index);
    Batch*& open = open_of(index);
    if (open == nullptr && !open_batch(open, index, now_ns)) return false;
    if (batcher_.encoder_.append(*open, sample)) {
        open->note_record(record_index);
        return true;
    }
    part.filled.push_back(std::exchange(open, nullptr));
    if (!open_batch(open, index, now_ns)) return false;
    const bool fits = batcher_.encoder_.append(*open, sample);
    CHECK(fits);  // limits.hpp: any legal sample fits an empty batch
    open->note_record(record_index);
    return true;
}

void Batcher::Transaction::roll_back() {
    for (const std::uint32_t index : touched_) roll_back_part(index);
    touched_.clear();
}

void Batcher::Transaction::roll_back_part(std::uint32_t index) {
    Part& part = parts_[index];
    Batch*& open = open_of(index);
    if (open != nullptr) part.filled.push_back(std::exchange(open, nullptr));
    while (part.filled.first != nullptr) {
        Batch* batch = part.filled.pop_front();
        if (batch == part.base) {
            batch->roll_back(part.mark);
            open = batch;
        } else {
            batcher_.give_back(batcher_.lanes_[index], *batch);
        }
    }
    part.is_touched = false;
    part.base = nullptr;
}

std::uint32_t Batcher::Transaction::commit(std::optional<RequestRef> ref, TicketOptions options) {
    ++batcher_.commits_count_;
    std::uint32_t tickets_count = 0;
    for (const std::uint32_t index : touched_) {
        tickets_count += note_request(index, ref, options);
        commit_part(index);
    }
    touched_.clear();
    return tickets_count;
}

void Batcher::Transaction::commit_part(std::uint32_t index) {
    Part& part = parts_[index];
    Lane& lane = batcher_.lanes_[index];
    // What was committed while this one was filled goes first.
    if (kind_ == Kind::apart && lane.open != nullptr) lane.full.push_back(std::exchange(lane.open, nullptr));
    lane.full.append(part.filled);
    if (part.open != nullptr) lane.open = std::exchange(part.open, nullptr);
    part.is_touched = false;
    part.base = nullptr;
    if (!std::exchange(lane.is_active, true)) batcher_.active_.push_back(index);
}

// How many tickets it added.
std::uint32_t Batcher::Transaction::note_request(std::uint32_t index, std::optional<RequestRef> ref,
                                                 TicketOptions options) {
    const Part& part = parts_[index];
    std::uint32_t count = 0;
    for (Batch* batch = part.filled.first; batch != nullptr; batch = batch->next)
        count += note_request(part, *batch, ref, options);
    if (Batch* open = open_of(index); open != nullptr) count += note_request(part, *open, ref, options);
    return count;
}

// False: no ticket. Nobody waits, or nothing of the request went into `batch` (it was full already).
bool Batcher::Transaction::note_request(const Part& part, Batch& batch, std::optional<RequestRef> ref,
                                        TicketOptions options) {
    const bool is_base = &batch == part.base;
    const std::uint32_t samples_before = is_base ? part.mark.sample_count : 0;
    if (batch.sample_count() == samples_before) return false;
    batch.shares[options.format].samples_count += batch.sample_count() - samples_before;
    if (!ref) return false;
    const bool is_one_command = batcher_.is_one_command_per_batch_;
    const std::uint32_t commands_before = is_base && !is_one_command ? part.mark.command_count : 0;
    batch.add_ticket({*ref, commands_before, is_one_command ? 1 : batch.command_count() - commands_before,
                      batch.sample_count() - samples_before, options, samples_before});
    return true;
}

// --- handing over --------------------------------------------------------------------------------------------------

void Batcher::begin_hand_over(std::uint64_t now_ns) {
    is_busy_ = std::exchange(commits_count_, 0) >= busy_requests_count;
    hand_over_ns_ = now_ns;
    deadline_ns_ = 0;
}

Batch* Batcher::next_to_hand_over(Lane& lane) {
    if (lane.full.first != nullptr) return lane.full.pop_front();
    if (lane.open == nullptr || lane.open->empty()) return nullptr;
    if (!has_turn(lane) || lingers(*lane.open)) return nullptr;
    return std::exchange(lane.open, nullptr);
}

// Where lanes lead to different servers, each may have one batch under way: else a server that is away would in time
// hold the whole pipeline.
bool Batcher::has_turn(const Lane& lane) const {
    if (in_flight_count_ < settings_.pipeline_depth) return true;
    return lane.in_flight_count == 0 && are_lanes_independent_;
}

bool Batcher::lingers(const Batch& batch) {
    const std::uint64_t until_ns = batch.opened_ns + settings_.linger_ns;
    if (!is_busy_ || !batch.tickets().empty() || hand_over_ns_ >= until_ns) return false;
    deadline_ns_ = deadline_ns_ == 0 ? until_ns : std::min(deadline_ns_, until_ns);
    return true;
}

void Batcher::push(Batch& batch, Lane& lane) {
    encoder_.seal(batch);
    ++lane.in_flight_count;
    ++in_flight_count_;
    sink_.push(batch);
}

// The lane at `i` goes to the end of active_, or leaves it if nothing is left in it.
void Batcher::end_turn(std::size_t i) {
    const std::uint32_t index = active_[i];
    Lane& lane = lanes_[index];
    active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(i));
    lane.is_active = lane.full.first != nullptr || (lane.open != nullptr && !lane.open->empty());
    if (lane.is_active) active_.push_back(index);
}

void Batcher::settled(Batch& batch) {
    CHECK(batch.lane < lanes_.size());
    Lane& lane = lanes_[batch.lane];
    CHECK(in_flight_count_ != 0 && lane.in_flight_count != 0);
    --lane.in_flight_count;
    --in_flight_count_;
    give_back(lane, batch);
}

bool Batcher::may_have_room(std::uint64_t bytes) const {
    if (pool_.in_use_count() < pool_.count()) return true;
    std::uint64_t room_bytes = 0;
    for (const Lane& lane : lanes_)
        if (lane.open != nullptr && lane.open->has_ticket_room()) room_bytes += lane.open->room().size();
    return bytes <= room_bytes;
}

std::uint64_t Batcher::waiting_samples_count() const {
    std::uint64_t count = 0;
    for (const Lane& lane : lanes_) {
        if (lane.open != nullptr) count += lane.open->sample_count();
        for (const Batch* batch = lane.full.first; batch != nullptr; batch = batch->next)
            count += batch->sample_count();
    }
    return count;
}

ByFormat<std::uint64_t> Batcher::waiting_samples_by_format() const {
    ByFormat<std::uint64_t> counts;
    const auto add = [&counts](const Batch& batch) {
        for (const IngestFormat format : ingest_formats) counts[format] += batch.shares[format].samples_count;
    };
    for (const Lane& lane : lanes_) {
        if (lane.open != nullptr) add(*lane.open);
        for (const Batch* batch = lane.full.first; batch != nullptr; batch = batch->next) add(*batch);
    }
    return counts;
}

}  // namespace sluice
