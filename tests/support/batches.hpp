// Batches made by hand, and a port that keeps account of what a sink settled: for tests of sinks without
// encoder and reactor.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/batch.hpp"
#include "engine/core/limits.hpp"
#include "sinks/sink.hpp"

namespace sluice::tests {

// The words as a RESP command.
[[nodiscard]] inline std::string resp(std::initializer_list<std::string_view> words) {
    std::string command = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string_view word : words) {
        command += "$" + std::to_string(word.size()) + "\r\n";
        command += word;
        command += "\r\n";
    }
    return command;
}

// A batch with the arena it is bound to.
class OwnedBatch {
  public:
    explicit OwnedBatch(std::size_t arena_bytes = 64 * limits::kib)
        : arena_(arena_bytes), batch_(std::make_unique<Batch>()) {
        batch_->bind(arena_, 0);
    }

    // One command of `samples` samples.
    OwnedBatch& add(std::string_view command, std::uint32_t samples = 1) {
        CHECK(command.size() <= batch_->room().size());
        command.copy(batch_->room().data(), command.size());
        batch_->commit(command.size(), 1, samples);
        return *this;
    }
    // XADD of one sample: `device` is where order matters, `sequence` counts.
    OwnedBatch& add_sample(std::string_view key, std::string_view device, std::uint64_t sequence) {
        return add(resp({"XADD", key, "*", "device_id", device, "sequence", std::to_string(sequence)}));
    }
    // A request with `stored` that covers commands [first, first + count), one sample each.
    OwnedBatch& ticket(std::uint32_t first, std::uint32_t count) {
        batch_->add_ticket({.request = {0, 0}, .first_command = first, .command_count = count, .sample_count = count});
        return *this;
    }
    // The same for `replicated`.
    OwnedBatch& replicated_ticket(std::uint32_t first, std::uint32_t count, std::uint32_t samples) {
        batch_->add_ticket({.request = {0, 0},
                            .first_command = first,
                            .command_count = count,
                            .sample_count = samples,
                            .options = {.wants_replicas = true}});
        return *this;
    }
    // The same for the layout `packed`, where one command carries all samples.
    OwnedBatch& packed_ticket(std::uint32_t samples) {
        batch_->add_ticket({.request = {0, 0}, .first_command = 0, .command_count = 1, .sample_count = samples});
        return *this;
    }

    Batch& operator*() { return *batch_; }
    Batch* operator->() { return batch_.get(); }
    Batch* get() { return batch_.get(); }

  private:
    std::vector<char> arena_;
    std::unique_ptr<Batch> batch_;
};

// Adds up what a sink settles and checks that it settles each batch once.
class LedgerPort final : public sinks::CompletionPort {
  public:
    void submitted(const Batch& batch) { submitted_samples += batch.sample_count(); }

    void settle(Batch& batch, Settlement settlement) override {
        if (settlement == Settlement::tickets) {
            CHECK(std::ranges::find(ticket_settlements, &batch) == ticket_settlements.end());
            ticket_settlements.push_back(&batch);
            return;
        }
        finals.push_back(&batch);
        delivered_samples += batch.settled.delivered;
        dropped_samples += batch.settled.tickets_dropped;
        // A batch that is used again starts anew.
        std::erase(ticket_settlements, &batch);
    }

    // Every sample that was submitted is accounted for.
    [[nodiscard]] bool conserved() const { return delivered_samples + dropped_samples == submitted_samples; }

    std::vector<Batch*> finals;              // in the order of their settlement
    std::vector<Batch*> ticket_settlements;  // of batches that the sink still holds
    std::uint64_t submitted_samples = 0;
    std::uint64_t delivered_samples = 0;
    std::uint64_t dropped_samples = 0;
};

}  // namespace sluice::tests
