#include "engine/delivery/sink_thread.hpp"

#include <pthread.h>

#include <string>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/delivery/sink_wait.hpp"

namespace sluice {
namespace {

constexpr std::uint32_t batches_per_turn_count_max = 1024;  // some 0.1 ms of a sink that settles at once

}  // namespace

SinkThread::SinkThread(std::unique_ptr<sinks::Sink> sink, std::size_t reactors_count, std::size_t batches_per_reactor)
    : sink_(std::move(sink)), log_(sink_name), queue_(reactors_count, batches_per_reactor) {
    producers_.reserve(reactors_count);
    for (std::size_t i = 0; i < reactors_count; ++i) producers_.push_back(Producer(*this, i));
}

SinkThread::~SinkThread() { stop_and_join(); }

void SinkThread::start() {
    CHECK(!thread_.joinable());
    thread_ = std::thread([this] { run(); });
    static_cast<void>(::pthread_setname_np(thread_.native_handle(), (std::string("sluice-sink-") + sink_name).c_str()));
}

void SinkThread::stop_and_join() {
    if (!thread_.joinable()) return;  // the engine failed before it started its sinks
    is_stopping_.store(true, std::memory_order_release);
    waker_.wake();
    thread_.join();
}

void SinkThread::run() {
    short revents = 0;
    while (!is_stopping_.load(std::memory_order_acquire)) {
        hand_on_batches();
        const std::uint64_t now_ns = monotonic_ns();
        sink_->advance(revents, now_ns);
        log_.observe(*sink_, now_ns);
        revents = may_sleep() ? sleep(sink_->interest()) : short{0};
    }
}

// Bounded by the sink's window. A sink that settles at once always has room, and its batches come back while this goes
// on: so it takes a number of them. may_sleep() finds what is left.
void SinkThread::hand_on_batches() {
    for (std::uint32_t i = 0; i < batches_per_turn_count_max && sink_->has_room(); ++i) {
        const auto batch = queue_.try_pop();
        if (!batch) return;
        sink_->submit(**batch);
    }
}

// False if a batch came meanwhile (the sink has it then), or if advance() made room for more.
bool SinkThread::may_sleep() {
    if (!sink_->has_room()) return true;
    is_sleeping_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the fence in wake_if_sleeping()
    const auto batch = queue_.try_pop();
    if (!batch) return true;
    is_sleeping_.store(false, std::memory_order_relaxed);
    sink_->submit(**batch);
    return false;
}

// The poll(2) results of the sink's descriptor; 0 on a deadline, the sink's or the log's, or a wake.
short SinkThread::sleep(const sinks::Interest& interest) {
    const std::uint64_t deadline_ns = sinks::earlier(interest.deadline_ns, log_.deadline_ns());
    const SinkWaited waited = wait_for_sink(interest, waker_.fd(), deadline_ns, deadline_ns != 0 ? monotonic_ns() : 0);
    is_sleeping_.store(false, std::memory_order_relaxed);
    if (waited.is_woken) waker_.drain();
    return waited.revents;
}

void SinkThread::wake_if_sleeping() {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the fence in may_sleep()
    if (!is_sleeping_.load(std::memory_order_relaxed)) return;  // awake: it will look into the queue by itself
    if (is_sleeping_.exchange(false, std::memory_order_relaxed)) waker_.wake();
}

}  // namespace sluice
