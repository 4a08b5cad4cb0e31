// Batcher: gathers samples into batches, all or nothing for each request, and hands batches to the sink.
//
// For each lane of the encoder there is one open batch, which requests share, and a queue of full ones. A request
// is a Transaction: append() for each sample, then commit() or roll_back(), which leaves every batch as it was. One
// owner thread.
//
// Two transactions can be in progress. at_once() is decoded without a break, and fills the open batches. apart() is a
// long one that goes on from iteration to iteration: it fills batches of its own, which join the others at its commit.
//
// Smart batching: hand_over(), at the end of each iteration of the loop, gives full batches to their sink, and an open
// one while fewer than `pipeline_depth` batches are in flight there; else it goes on filling. An idle engine thus
// answers after one round trip, and a busy one sends full batches. Where many requests come in one iteration and nobody
// waits for what is in the batch (no ticket), it goes on filling for `linger_ns`: to wake a sink thread for each
// iteration was about 5 % of the CPU of small requests, measured at 512 connections.
//
// Where lanes lead to different servers, half of the pool is reserved in equal parts, one for each lane, and the rest
// is shared: a server that is away keeps what was handed over to it, and its lanes fill up, but not those of others.
// Without that the first server that is away would in time hold every batch there is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/batching/batch_pool.hpp"
#include "engine/core/request_ref.hpp"
#include "engine/delivery/sink_thread.hpp"
#include "sinks/encoder.hpp"

namespace sluice {

struct BatcherSettings {
    std::uint32_t pipeline_depth;
    std::uint64_t linger_ns = 0;
};

class Batcher {
  public:
    // Requests of one iteration that make it a busy one.
    static constexpr std::uint32_t busy_requests_count = 4;

    // The queue of `sink` takes what is handed over.
    Batcher(sinks::Encoder& encoder, BatchPool& pool, SinkThread::Producer& sink, const BatcherSettings& settings);
    Batcher(const Batcher&) = delete;
    Batcher& operator=(const Batcher&) = delete;

    class Transaction;
    [[nodiscard]] Transaction& at_once() { return at_once_; }
    [[nodiscard]] Transaction& apart() { return apart_; }

    // Calls on_handed_over(batch) for each batch, before it is pushed. Lanes take turns, a batch at a time: else the
    // first one, never empty under load, would take every place in the pipeline.
    template <typename OnHandedOver>
    void hand_over(std::uint64_t now_ns, OnHandedOver&& on_handed_over) {
        begin_hand_over(now_ns);
        for (std::size_t i = 0;
             i < active_.size();) {  // ends: each turn passes a lane, or hands one of its batches over
            Lane& lane = lanes_[active_[i]];
            Batch* batch = next_to_hand_over(lane);
            if (batch == nullptr) {
                ++i;
                continue;
            }
            batch->handed_over_ns = now_ns;
            batch->handed_over_count = batch->sample_count();
            on_handed_over(*batch);
            push(*batch, lane);
            end_turn(i);
        }
        sink_.wake_if_sleeping();
    }

    // A batch that was handed over is settled for good; it goes back to the pool.
    void settled(Batch& batch);

    // Samples in batches that were not handed over yet, counted from the batches themselves.
    [[nodiscard]] std::uint64_t waiting_samples_count() const;
    // The same by format. While a transaction at_once is in progress it has nothing of it.
    [[nodiscard]] ByFormat<std::uint64_t> waiting_samples_by_format() const;
    // Whether `bytes` of samples might find room. Exact while a batch is free; else by the size they came in, which is
    // seldom more than what they are rendered to.
    [[nodiscard]] bool may_have_room(std::uint64_t bytes) const;
    // When hand_over() is wanted at the latest, for batches that linger (monotonic); 0: when something happens.
    [[nodiscard]] std::uint64_t deadline_ns() const { return deadline_ns_; }
    // Batches wait for the pipeline to have room, or linger.
    [[nodiscard]] bool has_waiting() const { return !active_.empty(); }
    [[nodiscard]] std::uint32_t in_flight_count() const { return in_flight_count_; }
    [[nodiscard]] bool is_one_command_per_batch() const { return is_one_command_per_batch_; }
    // Of samples: see sinks::Encoder.
    [[nodiscard]] bool needs_raw() const { return encoder_.needs_raw(); }

  private:
    struct List {
        Batch* first = nullptr;
        Batch* last = nullptr;
        void push_back(Batch* batch);
        [[nodiscard]] Batch* pop_front();
        void append(List& other);
    };
    struct Lane {
        Batch* open = nullptr;
        List full;
        std::uint32_t in_flight_count = 0;
        std::uint32_t held_count = 0;  // batches: open, full, in flight, and those of transactions
        bool is_active = false;  // in active_
    };
    // What a transaction has of a lane.
    struct Part {
        bool is_touched = false;
        Batch* base = nullptr;  // at_once: what was open when it began, and how far it was filled
        Batch::Mark mark{};
        Batch* open = nullptr;  // apart: its own
        List filled;  // batches that became full since; the first may be `base`
    };

  public:
    class Transaction {
      public:
        // False: no batch is free for its lane; the caller rolls back. `now_ns` is monotonic; `record_index` is that of
        // the sample in its body.
        [[nodiscard]] bool append(const Sample& sample, std::uint64_t now_ns, std::uint32_t record_index = 0);
        void roll_back();
        // Makes the samples part of the batches, as samples of options.format. With `ref`, adds a ticket for it to each
        // of them, with `options`; returns how many.
        std::uint32_t commit(std::optional<RequestRef> ref, TicketOptions options = {});

        // Lanes that its samples go to; none where all lanes lead to the same server.
        [[nodiscard]] std::span<const std::uint32_t> independent_lanes() const;
        [[nodiscard]] bool is_empty() const { return touched_.empty(); }

      private:
        friend class Batcher;
        enum class Kind : std::uint8_t { at_once, apart };

        Transaction(Batcher& batcher, Kind kind) : batcher_(batcher), kind_(kind) {}
        void reserve(std::size_t lanes_count);
        void touch(Part& part, std::uint32_t index);
        [[nodiscard]] Batch*& open_of(std::uint32_t index);
        [[nodiscard]] bool open_batch(Batch*& open, std::uint32_t index, std::uint64_t now_ns);
        void roll_back_part(std::uint32_t index);
        void commit_part(std::uint32_t index);
        [[nodiscard]] std::uint32_t note_request(std::uint32_t index, std::optional<RequestRef> ref,
                                                 TicketOptions options);
        [[nodiscard]] bool note_request(const Part& part, Batch& batch, std::optional<RequestRef> ref,
                                        TicketOptions options);

        Batcher& batcher_;
        const Kind kind_;
        std::vector<Part> parts_;  // by lane
        std::vector<std::uint32_t> touched_;  // lanes
    };

  private:
    [[nodiscard]] Batch* take(Lane& lane);
    void give_back(Lane& lane, Batch& batch);
    void begin_hand_over(std::uint64_t now_ns);
    [[nodiscard]] Batch* next_to_hand_over(Lane& lane);
    [[nodiscard]] bool has_turn(const Lane& lane) const;
    [[nodiscard]] bool lingers(const Batch& batch);
    void push(Batch& batch, Lane& lane);
    void end_turn(std::size_t i);

    sinks::Encoder& encoder_;
    BatchPool& pool_;
    SinkThread::Producer& sink_;
    std::uint32_t in_flight_count_ = 0;
    BatcherSettings settings_;
    const bool are_lanes_independent_;
    const bool is_one_command_per_batch_;
    const std::uint32_t reserve_count_;  // batches that each lane can have whatever the others hold
    const std::uint32_t shared_count_;  // the other ones
    std::uint32_t shared_in_use_count_ = 0;
    std::uint32_t commits_count_ = 0;  // since the last hand_over()
    std::uint64_t hand_over_ns_ = 0;  // of the hand_over() in progress
    bool is_busy_ = false;
    std::uint64_t deadline_ns_ = 0;
    std::vector<Lane> lanes_;
    std::vector<std::uint32_t> active_;  // lanes with something to hand over, in the order of their turns
    Transaction at_once_{*this, Transaction::Kind::at_once};
    Transaction apart_{*this, Transaction::Kind::apart};
};

}  // namespace sluice
