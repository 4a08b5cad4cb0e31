#include "engine/dead_letters/dead_letters.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"

namespace sluice::dead_letters {
namespace {

using sinks::redis::Command;
using sinks::redis::is_error;
using sinks::redis::text_of;

constexpr std::uint64_t look_interval_ns = 100'000'000;
constexpr std::uint64_t retry_interval_ns = 1'000'000'000;
constexpr std::uint64_t end_patience_ns = 1'000'000'000;
// Old letters make room for new ones, roughly.
constexpr const char* entries_count_max = "100000";

Command command_of(const Outbox::Slot& slot) {
    const Letter letter = slot.letter();
    const RefusalInfo& info = info_of(letter.reason);
    Command command{"XADD", std::string(letter.stream).append(stream_suffix), "MAXLEN", "~", entries_count_max, "*"};
    const auto add = [&command](const char* name, std::string_view value) {
        command.emplace_back(name);
        command.emplace_back(value);
    };
    add("reason", info.code);
    add("error", info.sentence);
    add("raw", letter.raw);
    if (letter.raw.size() < slot.whole_bytes()) add("cut", std::to_string(slot.whole_bytes()));
    add("format", name_of(letter.format));
    if (!letter.path.empty()) add("path", letter.path);
    if (!letter.precision.empty()) add("precision", letter.precision);
    if (!letter.device_id.empty()) add("device_id", letter.device_id);
    add("tenant", letter.tenant);
    add("received", std::to_string(letter.received_ns));
    add("offset", std::to_string(letter.offset));
    return command;
}

}  // namespace

DeadLetters::DeadLetters(std::unique_ptr<Clients> clients, std::size_t reactors_count, tenants::TenantsFigures& figures)
    : clients_(std::move(clients)), figures_(figures) {
    for (std::size_t i = 0; i < reactors_count; ++i)
        outboxes_.push_back(std::make_unique<Outbox>(clients_ != nullptr, figures));
}

// --- the thread ----------------------------------------------------------------------------------------------------

void DeadLetters::start() {
    if (clients_ == nullptr) return;
    CHECK(!thread_.joinable());
    thread_ = std::thread([this] { run(); });
    static_cast<void>(::pthread_setname_np(thread_.native_handle(), "sluice-dead"));
}

void DeadLetters::stop_and_join() {
    if (!thread_.joinable()) return;
    {
        const std::scoped_lock lock(mutex_);
        is_stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void DeadLetters::run() {
    while (wait(look_interval_ns)) write_some();  // ends: stop_and_join()
    const std::uint64_t end_ns = monotonic_ns() + end_patience_ns;
    while (retry_at_ns_ == 0 && monotonic_ns() < end_ns) {  // ends: all is written, Redis is away, or time is up
        if (!has_letters()) return;
        write_some();
    }
}

// Reactors do not wake it: it looks by itself. False: it is to stop.
bool DeadLetters::wait(std::uint64_t wait_ns) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::nanoseconds(wait_ns), [this] { return is_stopping_; });
    return !is_stopping_;
}

void DeadLetters::write_some() {
    if (monotonic_ns() < retry_at_ns_) return;
    retry_at_ns_ = 0;
    for (const auto& outbox : outboxes_) {
        write_some_of(*outbox);
        if (retry_at_ns_ != 0) return;
    }
}

// Not more than it holds at a time, so that each outbox has its turn.
void DeadLetters::write_some_of(Outbox& outbox) {
    for (std::size_t i = 0; i < Outbox::letters_count_max && outbox.front() != nullptr; ++i) {
        if (write_first(outbox)) continue;
        retry_at_ns_ = monotonic_ns() + retry_interval_ns;
        return;
    }
}

bool DeadLetters::has_letters() const {
    return std::ranges::any_of(outboxes_, [](const auto& outbox) { return outbox->front() != nullptr; });
}

// The oldest letter is written, or Redis does not want it. False: Redis cannot be reached.
bool DeadLetters::write_first(Outbox& outbox) {
    const Command command = command_of(*outbox.front());
    const std::string& stream = command[1];
    const auto reply = clients_->ask(stream, command);
    if (reply == nullptr) return false;
    const bool is_refused = is_error(*reply);
    if (is_refused)
        log_.line(LogLevel::warn, monotonic_ns(), "dead_letter_refused",
                  {{"stream", stream}, {"reason", text_of(*reply)}});
    (is_refused ? figures_.dead_letters_dropped : figures_.dead_letters).fetch_add(1, std::memory_order_relaxed);
    outbox.pop();
    return true;
}

}  // namespace sluice::dead_letters
