#include "engine/log/writer.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string_view>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/patient_write.hpp"
#include "engine/log/log.hpp"

namespace sluice::log {
namespace {

// How soon a write that waits for the reader notices that the process ends.
constexpr std::uint64_t look_interval_ns = 100'000'000;

// The Writer's, which outlives all that log. Null: there is none. The constructor stores, release; pairs with the
// acquire loads below.
constinit std::atomic<LineQueue*> queue_now{nullptr};

// The part of `line` that is written stays written: a line that the end cuts has no line feed.
bool write_line(const LineQueue& queue, int fd, std::string line) {
    line += '\n';
    std::string_view rest = line;
    for (;;) {  // ends: after the queue was closed, at the latest
        const bool is_last_try = queue.is_closed();
        const std::uint64_t patience_ns = is_last_try ? 0 : look_interval_ns;
        const WriteOutcome outcome = write_until(fd, rest, monotonic_ns() + patience_ns);
        if (outcome != WriteOutcome::late) return outcome == WriteOutcome::done;
        if (is_last_try) return false;
    }
}

bool write_gap(const LineQueue& queue, int fd, std::uint64_t count) {
    return write_line(queue, fd, event_line(LogLevel::warn, "log_lines_dropped", {{"count", count}}));
}

void write_lines(LineQueue& queue, int fd) {
    ::pthread_setname_np(::pthread_self(), "sluice-log");
    while (auto taken = queue.take()) {
        const std::uint64_t gap_count = taken->dropped_before_count;
        const bool is_gap_told = gap_count == 0 || write_gap(queue, fd, gap_count);
        const bool was_written = write_line(queue, fd, std::move(taken->line));
        queue.settle(was_written, is_gap_told ? 0 : gap_count);
    }
}

void flush_before_abort() { static_cast<void>(flush()); }

}  // namespace

Writer::Writer(int fd) : queue_(std::make_shared<LineQueue>(limits::log_queue_bytes_max)) {
    CHECK(queue_now.load(std::memory_order_acquire) == nullptr);
    std::promise<void> ended;
    ended_ = ended.get_future();
    thread_ = std::thread([queue = queue_, fd, done = std::move(ended)]() mutable {
        write_lines(*queue, fd);
        done.set_value();
    });
    queue_now.store(queue_.get(), std::memory_order_release);
    before_abort.store(flush_before_abort, std::memory_order_release);
}

// The thread notices the end within look_interval_ns, unless another process filled the pipe at the wrong moment.
Writer::~Writer() {
    constexpr std::chrono::nanoseconds patience(exit_patience_ns);
    static_cast<void>(queue_->wait_until_empty(patience));
    before_abort.store(nullptr, std::memory_order_release);
    queue_now.store(nullptr, std::memory_order_release);
    queue_->close();
    if (ended_.wait_for(patience) == std::future_status::ready) thread_.join();
    else thread_.detach();
}

bool flush(std::uint64_t patience_ns) {
    LineQueue* const queue = queue_now.load(std::memory_order_acquire);
    return queue == nullptr || queue->wait_until_empty(std::chrono::nanoseconds(patience_ns));
}

std::uint64_t dropped_lines_count() {
    const LineQueue* const queue = queue_now.load(std::memory_order_acquire);
    return queue == nullptr ? 0 : queue->dropped_count();
}

std::uint64_t waiting_lines_count() {
    LineQueue* const queue = queue_now.load(std::memory_order_acquire);
    return queue == nullptr ? 0 : queue->waiting_count();
}

void say(std::string text) {
    if (LineQueue* const queue = queue_now.load(std::memory_order_acquire)) return queue->push(std::move(text));
    static constinit std::mutex one_at_a_time;
    const std::scoped_lock lock(one_at_a_time);
    text += '\n';
    std::string_view rest = text;
    static_cast<void>(write_until(STDERR_FILENO, rest, monotonic_ns() + Writer::exit_patience_ns));
}

}  // namespace sluice::log
