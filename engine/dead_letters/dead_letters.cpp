#include "engine/dead_letters/dead_letters.hpp"

#include <pthread.h>

#include <chrono>
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

template <std::size_t bytes_max>
std::uint8_t copy(std::array<char, bytes_max>& to, std::string_view text) {
    static_assert(bytes_max <= 255);
    return static_cast<std::uint8_t>(text.copy(to.data(), to.size()));
}

}  // namespace

DeadLetters::DeadLetters(std::unique_ptr<Clients> clients, tenants::TenantsFigures& figures)
    : clients_(std::move(clients)), figures_(figures) {}

void DeadLetters::offer(const Letter& letter) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock() || clients_ == nullptr || count_ == slots_count) {
        figures_.dead_letters_dropped.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    Slot& slot = slots_[(first_index_ + count_++) % slots_count];
    slot.stream_bytes = copy(slot.stream, letter.stream);
    slot.tenant_bytes = copy(slot.tenant, letter.tenant);
    slot.device_id_bytes = copy(slot.device_id, letter.device_id);
    slot.precision_bytes = copy(slot.precision, letter.precision);
    slot.kept_bytes = static_cast<std::uint16_t>(letter.raw.copy(slot.raw.data(), slot.raw.size()));
    slot.reason = letter.reason;
    slot.format = letter.format;
    slot.received_ns = letter.received_ns;
    slot.offset = letter.offset;
    slot.raw_bytes = letter.raw.size();
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
        if (!first_command()) return;
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
    for (std::size_t i = 0; i < slots_count; ++i) {
        const auto command = first_command();
        if (!command) return;
        if (!write(*command)) {
            retry_at_ns_ = monotonic_ns() + retry_interval_ns;
            return;
        }
    }
}

// Of the oldest letter.
std::optional<Command> DeadLetters::first_command() {
    const std::scoped_lock lock(mutex_);
    if (count_ == 0) return std::nullopt;
    const Slot& slot = slots_[first_index_];
    const RefusalInfo& info = info_of(slot.reason);
    Command command{"XADD",
                    std::string(slot.stream.data(), slot.stream_bytes).append(stream_suffix),
                    "MAXLEN",
                    "~",
                    entries_count_max,
                    "*"};
    const auto add = [&command](const char* name, std::string value) {
        command.emplace_back(name);
        command.push_back(std::move(value));
    };
    add("reason", std::string(info.code));
    add("error", std::string(info.sentence));
    add("raw", {slot.raw.data(), slot.kept_bytes});
    if (slot.kept_bytes < slot.raw_bytes) add("cut", std::to_string(slot.raw_bytes));
    add("format", std::string(name_of(slot.format)));
    if (slot.precision_bytes != 0) add("precision", {slot.precision.data(), slot.precision_bytes});
    if (slot.device_id_bytes != 0) add("device_id", {slot.device_id.data(), slot.device_id_bytes});
    add("tenant", {slot.tenant.data(), slot.tenant_bytes});
    add("received", std::to_string(slot.received_ns));
    add("offset", std::to_string(slot.offset));
    return command;
}

void DeadLetters::pop(std::atomic<std::uint64_t>& letters_count) {
    letters_count.fetch_add(1, std::memory_order_relaxed);
    const std::scoped_lock lock(mutex_);
    first_index_ = (first_index_ + 1) % slots_count;
    --count_;
}

// The oldest letter is written, or Redis does not want it. False: Redis cannot be reached.
bool DeadLetters::write(const Command& command) {
    const std::string& stream = command[1];
    const auto reply = clients_->ask(stream, command);
    if (reply == nullptr) return false;
    const bool is_refused = is_error(*reply);
    if (is_refused)
        log_.line(LogLevel::warn, monotonic_ns(), "dead_letter_refused",
                  {{"stream", stream}, {"reason", text_of(*reply)}});
    pop(is_refused ? figures_.dead_letters_dropped : figures_.dead_letters);
    return true;
}

}  // namespace sluice::dead_letters
