#include "sinks/null/null_sink.hpp"

#include "engine/core/clock.hpp"

namespace sluice::sinks {
namespace {

class NullSink final : public Sink {
  public:
    explicit NullSink(CompletionPort& port) : port_(port) { figures_.state = SinkState::ready; }

    [[nodiscard]] bool has_room() const override { return true; }

    void submit(Batch& batch) override {
        add(figures_.batches_sent, 1);
        add(figures_.bytes_sent, batch.bytes().size());
        add(figures_.replies_ok, batch.command_count());
        batch.settled.delivered = batch.sample_count();
        batch.settled.replied_ns = monotonic_ns();
        port_.settle(batch, Settlement::final);
    }

    [[nodiscard]] Interest interest() const override { return {}; }
    void advance(short, std::uint64_t) override {}
    [[nodiscard]] const SinkSignal& signal() const override { return signal_; }
    [[nodiscard]] SinkFigures figures() const override { return {.delivery = figures_}; }
    [[nodiscard]] std::string trouble() const override { return {}; }

  private:
    CompletionPort& port_;
    SinkSignal signal_;
    DeliveryFigures figures_;
};

}  // namespace

std::unique_ptr<Sink> make_null_sink(CompletionPort& port) { return std::make_unique<NullSink>(port); }

}  // namespace sluice::sinks
