#include "engine/delivery/sink_thread.hpp"

#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <string>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"

namespace sluice {
namespace {

// Of two deadlines; 0 is none.
constexpr std::uint64_t earlier(std::uint64_t one_ns, std::uint64_t other_ns) {
    if (one_ns == 0 || other_ns == 0) return one_ns + other_ns;
    return std::min(one_ns, other_ns);
}

}  // namespace

SinkThread::SinkThread(std::unique_ptr<sinks::Sink> sink, std::uint32_t index, std::size_t reactors_count,
                       std::size_t batches_per_reactor)
    : sink_(std::move(sink)), index_(index), log_(std::to_string(index)), queue_(reactors_count, batches_per_reactor) {
    producers_.reserve(reactors_count);
    for (std::size_t i = 0; i < reactors_count; ++i) producers_.push_back(Producer(*this, i));
}

SinkThread::~SinkThread() { stop_and_join(); }

void SinkThread::start() {
    CHECK(!thread_.joinable());
    thread_ = std::thread([this] { run(); });
    static_cast<void>(::pthread_setname_np(thread_.native_handle(), ("sluice-sink-" + std::to_string(index_)).c_str()));
}

void SinkThread::stop_and_join() {
    if (!thread_.joinable()) return;  // the engine failed before it started its sinks
    stopping_.store(true, std::memory_order_release);
    waker_.wake();
    thread_.join();
}

void SinkThread::run() {
    short revents = 0;
    while (!stopping_.load(std::memory_order_acquire)) {
        hand_on_batches();
        const std::uint64_t now_ns = monotonic_ns();
        sink_->advance(revents, now_ns);
        log_.look(*sink_, now_ns);
        revents = may_sleep() ? sleep(sink_->interest()) : short{0};
    }
}

// Bounded by the sink's window, or by the reactors' batches where a sink settles at once.
void SinkThread::hand_on_batches() {
    while (sink_->has_room()) {
        const auto batch = queue_.try_pop();
        if (!batch) return;
        sink_->submit(**batch);
    }
}

// False if a batch came meanwhile (the sink has it then), or if advance() made room for more.
bool SinkThread::may_sleep() {
    if (!sink_->has_room()) return true;
    sleeping_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the fence in wake_if_sleeping()
    const auto batch = queue_.try_pop();
    if (!batch) return true;
    sleeping_.store(false, std::memory_order_relaxed);
    sink_->submit(**batch);
    return false;
}

// The poll(2) results of the sink's descriptor; 0 on a deadline, the sink's or the log's, or a wake.
short SinkThread::sleep(const sinks::Interest& interest) {
    std::array<pollfd, 2> descriptors{pollfd{waker_.fd(), POLLIN, 0}, pollfd{interest.fd, interest.events, 0}};
    timespec timeout{};
    const std::uint64_t deadline_ns = earlier(interest.deadline_ns, log_.deadline_ns());
    if (deadline_ns != 0) {
        const std::uint64_t now_ns = monotonic_ns();
        const std::uint64_t wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
        timeout.tv_sec = static_cast<time_t>(wait_ns / 1'000'000'000);
        timeout.tv_nsec = static_cast<long>(wait_ns % 1'000'000'000);
    }
    const nfds_t count = interest.fd >= 0 ? 2 : 1;
    const int ready = ::ppoll(descriptors.data(), count, deadline_ns != 0 ? &timeout : nullptr, nullptr);
    CHECK(ready >= 0 || errno == EINTR);
    sleeping_.store(false, std::memory_order_relaxed);
    if (ready <= 0) return 0;
    if (descriptors[0].revents != 0) waker_.drain();
    return descriptors[1].revents;
}

void SinkThread::wake_if_sleeping() {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the fence in may_sleep()
    if (!sleeping_.load(std::memory_order_relaxed)) return;  // awake: it will look into the queue by itself
    if (sleeping_.exchange(false, std::memory_order_relaxed)) waker_.wake();
}

}  // namespace sluice
