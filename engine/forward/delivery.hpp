// Delivery: renders samples of a journal into batches, delivers those over a sink on the caller's thread, and knows up
// to which position everything is confirmed. Shared by `journal replay` and the forwarder.
//
// A round is what is rendered until one batch is full; then all open batches (one a lane of the encoder) are
// handed on, and the last of them carries the position of the round's end. So when the batches in front are
// settled, everything before the position that they carry was delivered.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/core/fifo.hpp"
#include "sinks/encoder.hpp"
#include "sinks/journal/segments.hpp"
#include "sinks/redis/exactly_once/exactly_once_sink.hpp"
#include "sinks/sink.hpp"

namespace sluice::forward {

class Delivery final : private sinks::CompletionPort {
  public:
    // With an `owner` of the streams: exactly once.
    explicit Delivery(const config::Config& config, const sinks::StreamOwner& owner = {});
    ~Delivery();

    // Where all streams share a lane: those of tenants from here on, which Sample::stream_index counts from 1.
    void use_streams(std::span<const std::string> streams) { encoder_->use_streams(streams); }
    // False: the round is full, and was closed; again when can_begin_round().
    [[nodiscard]] bool append(const Sample& sample);
    // Hands on what was appended; everything before `end` is in it or was before.
    void close_round(const sinks::journal::Position& end);
    [[nodiscard]] bool can_begin_round() const { return free_.size() >= open_.size(); }
    [[nodiscard]] bool has_in_flight() const { return !in_flight_.empty(); }
    // Everything that was appended is confirmed.
    [[nodiscard]] bool is_idle() const;

    // One step of the sink: sends, reads, and waits for `wait_ns` at most, or until `wake_fd` is readable (-1: none).
    void pump(std::uint64_t wait_ns, int wake_fd = -1);

    // Everything before it is confirmed; nothing yet if empty.
    [[nodiscard]] const std::optional<sinks::journal::Position>& confirmed() const { return confirmed_; }
    [[nodiscard]] std::uint64_t confirmed_samples_count() const { return confirmed_samples_count_; }
    [[nodiscard]] const sinks::Sink& sink() const { return *sink_; }

  private:
    struct PooledBatch {
        std::vector<char> arena;
        Batch batch;
        std::optional<sinks::journal::Position> end;  // set in the last of a round
        bool is_settled = false;
    };

    void settle(Batch& batch, Settlement settlement) override;
    void take_settled();
    [[nodiscard]] bool lets_replies_gather() const;

    std::unique_ptr<sinks::Encoder> encoder_;
    std::unique_ptr<sinks::Sink> sink_;
    const bool sends_ahead_;  // batches go out while others wait for replies
    std::vector<std::unique_ptr<PooledBatch>> pool_;
    std::vector<PooledBatch*> free_;
    std::vector<PooledBatch*> open_;  // by lane; null: none
    Fifo<PooledBatch*> waiting_;  // for room in the sink
    Fifo<PooledBatch*> in_flight_;  // all that were handed on, oldest first
    short revents_ = 0;
    std::optional<sinks::journal::Position> confirmed_;
    std::uint64_t confirmed_samples_count_ = 0;
};

}  // namespace sluice::forward
