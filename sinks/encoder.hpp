// Encoder: renders samples into batches, in the wire format of one sink. Runs on the reactor's thread;
// each reactor has its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "engine/core/batch.hpp"
#include "engine/core/sample.hpp"

namespace sluice::sinks {

class Encoder {
  public:
    virtual ~Encoder() = default;

    // A reactor keeps one open batch for each lane. Samples of one device always share a lane, so their
    // order is kept. Most layouts need one lane; `packed`, which makes one command of a whole batch, needs one a
    // partition, and so does a cluster.
    [[nodiscard]] virtual std::uint32_t lane_count() const = 0;
    [[nodiscard]] virtual std::uint32_t lane_of(const Sample& sample) const = 0;

    // Lanes may lead to different servers (a cluster): one that is away must not hold up the others.
    [[nodiscard]] virtual bool lanes_are_independent() const { return false; }

    // Renders `sample` behind what `batch` holds. False, with the batch unchanged, if it does not fit
    // (bytes or commands); it always fits an empty batch (limits.hpp asserts it).
    [[nodiscard]] virtual bool append(Batch& batch, const Sample& sample) = 0;

    // Whether append() looks at Sample::raw.
    [[nodiscard]] virtual bool needs_raw() const { return true; }

    // Whether seal() makes one command of the whole batch. If not, each sample is a command from append() on.
    [[nodiscard]] virtual bool is_one_command_per_batch() const { return false; }

    // Where it has one lane: the streams of tenants' own from here on, which Sample::stream_index counts from 1.
    virtual void use_streams(std::span<const std::string> streams) { static_cast<void>(streams); }

    // Called once, before a non-empty batch is handed over. After it bytes() is exactly what goes on the wire
    // and command_count() the number of replies to expect.
    virtual void seal(Batch& batch) = 0;
};

}  // namespace sluice::sinks
