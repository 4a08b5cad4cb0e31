// DeadLetters: records of tenants that were refused, kept in Redis to be looked at and sent again: one entry each in
// the stream `<stream>.dead`.
//
// Best effort, and never in the way: reactors copy a record into a table of fixed size, and go on. Where the table is
// full, or another thread is in it, the record is dropped, and counted. A thread with a connection of its own writes
// them, one after the other; while Redis is away they wait in the table.
//
// Rejected: the sink of samples (what is refused would wait behind samples, and they behind it).
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

#include "engine/core/ingest_format.hpp"
#include "engine/core/lazy_array.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "engine/dead_letters/clients.hpp"
#include "engine/log/log.hpp"
#include "engine/tenants/tenants_figures.hpp"

namespace sluice::dead_letters {

// A record that was refused. Borrowed for a call.
struct Letter {
    std::string_view stream;  // without `.dead`
    std::string_view tenant;
    std::string_view device_id;  // empty: not known
    std::string_view precision;  // of ?precision=, by its name; empty: the format's own
    std::string_view raw;        // as it came; empty: not known
    Refusal reason;
    IngestFormat format;
    std::int64_t received_ns;    // since 1970
    std::uint64_t offset;        // in its body
};

inline constexpr std::string_view stream_suffix = ".dead";

class DeadLetters {
  public:
    // `clients`: to Redis; null: the sink is none, and letters are only counted, as dropped. `figures` outlives it.
    DeadLetters(std::unique_ptr<Clients> clients, tenants::TenantsFigures& figures);
    ~DeadLetters() { stop_and_join(); }
    DeadLetters(const DeadLetters&) = delete;
    DeadLetters& operator=(const DeadLetters&) = delete;

    void start();
    // Writes what is there if Redis takes it at once. Returns within a second and the time-out of a question.
    void stop_and_join();
    // Any thread.
    void offer(const Letter& letter);

  private:
    static constexpr std::size_t slots_count = 1024;
    static constexpr std::size_t stream_bytes_max = limits::stream_key_bytes_max;

    // Valid as zeroed memory.
    struct Slot {
        std::array<char, stream_bytes_max> stream;
        std::array<char, limits::tenant_name_bytes_max> tenant;
        std::array<char, limits::device_id_bytes_max> device_id;
        std::array<char, 16> precision;
        std::array<char, limits::dead_letter_raw_bytes_max> raw;
        std::uint8_t stream_bytes, tenant_bytes, device_id_bytes, precision_bytes;
        std::uint16_t kept_bytes;  // of raw
        Refusal reason;
        IngestFormat format;
        std::int64_t received_ns;
        std::uint64_t offset;
        std::uint64_t raw_bytes;  // before it was cut
    };

    void run();
    [[nodiscard]] bool wait(std::uint64_t wait_ns);
    void write_some();
    [[nodiscard]] std::optional<sinks::redis::Command> first_command();
    void pop(std::atomic<std::uint64_t>& letters_count);
    [[nodiscard]] bool write(const sinks::redis::Command& command);

    const std::unique_ptr<Clients> clients_;
    tenants::TenantsFigures& figures_;
    std::uint64_t retry_at_ns_ = 0;  // monotonic; Redis could not be reached: not before
    log::RateLimited log_;

    std::mutex mutex_;  // guards what follows
    std::condition_variable wake_;
    LazyArray<Slot> slots_{slots_count};
    std::size_t first_index_ = 0;
    std::size_t count_ = 0;
    bool is_stopping_ = false;

    std::thread thread_;
};

}  // namespace sluice::dead_letters
