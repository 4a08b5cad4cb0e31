// A batcher on a bench: with a small encoder whose batches hold four samples, so that everything that is rare in life
// happens here, and sinks that take batches and leave the rest to the test.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/batching/batcher.hpp"

namespace sluice::tests {

inline constexpr std::uint32_t samples_per_batch = 4;

// Renders "<device>:<value>;". Device names end in a digit, which chooses the lane, by remainder.
class SmallEncoder final : public sinks::Encoder {
  public:
    SmallEncoder(std::uint32_t lanes_count, bool is_packed, bool is_cluster)
        : lanes_count_(lanes_count), is_packed_(is_packed), is_cluster_(is_cluster) {}

    [[nodiscard]] std::uint32_t lane_count() const override { return lanes_count_; }
    [[nodiscard]] std::uint32_t lane_of(const Sample& sample) const override {
        return static_cast<std::uint32_t>(sample.device_id.back() - '0') % lanes_count_;
    }
    [[nodiscard]] bool is_one_command_per_batch() const override { return is_packed_; }
    [[nodiscard]] bool lanes_are_independent() const override { return is_cluster_; }

    [[nodiscard]] bool append(Batch& batch, const Sample& sample) override {
        if (batch.sample_count() == samples_per_batch) return false;
        const std::string text = std::string(sample.device_id) + ":" + std::string(sample.value) + ";";
        text.copy(batch.room().data(), text.size());
        batch.commit(text.size(), is_packed_ ? 0 : 1, 1);
        return true;
    }
    void seal(Batch& batch) override {
        if (is_packed_) batch.commit(0, 1, 0);
    }

  private:
    std::uint32_t lanes_count_;
    bool is_packed_;
    bool is_cluster_;
};

// Takes batches off the queue and leaves the rest to the test.
class CountingSink final : public sinks::Sink {
  public:
    explicit CountingSink(std::atomic<std::size_t>& count) : count_(count) {}
    [[nodiscard]] bool has_room() const override { return true; }
    void submit(Batch&) override { count_.fetch_add(1); }
    [[nodiscard]] sinks::Interest interest() const override { return {}; }
    void advance(short, std::uint64_t) override {}
    [[nodiscard]] const sinks::SinkSignal& signal() const override { return signal_; }
    [[nodiscard]] sinks::SinkFigures figures() const override { return {.delivery = figures_}; }
    [[nodiscard]] std::string last_error() const override { return {}; }

  private:
    std::atomic<std::size_t>& count_;
    sinks::SinkSignal signal_;
    sinks::DeliveryFigures figures_;
};

struct BatcherSetup {
    std::uint32_t lanes_count = 1;
    std::uint32_t pipeline_depth = 100;
    std::uint64_t linger_ns = 0;
    std::size_t batches_count = 64;
    bool is_packed = false;
    bool is_cluster = false;
};

class BatcherBench {
  public:
    using Devices = std::vector<std::string>;

    explicit BatcherBench(const BatcherSetup& setup)
        : encoder_(setup.lanes_count, setup.is_packed, setup.is_cluster),
          pool(setup.batches_count, limits::batch_arena_bytes_min, 0) {
        sink_ = std::make_unique<SinkThread>(std::make_unique<CountingSink>(submitted_), 1, setup.batches_count);
        sink_->start();
        batcher = std::make_unique<Batcher>(encoder_, pool, sink_->producer(0),
                                            BatcherSettings{setup.pipeline_depth, setup.linger_ns});
    }
    ~BatcherBench() { sink_->stop_and_join(); }

    // False: no batch was free, and the request was rolled back.
    bool add(const Devices& devices, std::optional<std::uint32_t> ref = {}, bool rolls_back = false) {
        for (const std::string& device : devices) {
            const std::string value = std::to_string(next_value_++);
            Sample sample;
            sample.device_id = device;
            sample.value = value;
            if (batcher->at_once().append(sample, 1)) continue;
            batcher->at_once().roll_back();
            return false;
        }
        if (rolls_back) {
            batcher->at_once().roll_back();
            return true;
        }
        tickets_count = batcher->at_once().commit(ref ? std::optional(RequestRef{*ref, 0}) : std::nullopt);
        return true;
    }

    // What was handed over, oldest first; waits until the sinks have it.
    std::vector<Batch*> hand_over(std::uint64_t now_ns = 2) {
        std::vector<Batch*> batches;
        batcher->hand_over(now_ns, [&](Batch& batch) { batches.push_back(&batch); });
        pushed_count_ += batches.size();
        while (submitted_.load() != pushed_count_) std::this_thread::yield();
        return batches;
    }

    [[nodiscard]] std::vector<std::string> hand_over_texts() {
        std::vector<std::string> texts;
        for (Batch* batch : hand_over()) texts.push_back(text_of(*batch));
        return texts;
    }

    [[nodiscard]] static std::string text_of(Batch& batch) { return {batch.bytes().data(), batch.bytes().size()}; }

  private:
    SmallEncoder encoder_;
    std::atomic<std::size_t> submitted_{0};
    std::size_t pushed_count_ = 0;
    int next_value_ = 0;
    std::unique_ptr<SinkThread> sink_;

  public:
    BatchPool pool;
    std::unique_ptr<Batcher> batcher;
    std::uint32_t tickets_count = 0;  // of the last commit
};

}  // namespace sluice::tests
