// DeadLetters: records of tenants that were refused, kept in Redis to be looked at and sent again: one entry each in
// the stream `<stream>.dead`.
//
// Best effort, and never in the way: each reactor copies a record into its Outbox, and goes on. Where that is full, the
// record is dropped, and counted. A thread with a connection of its own writes them, one after the other; while Redis
// is away they wait.
//
// Rejected: the sink of samples (what is refused would wait behind samples, and they behind it).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/dead_letters/clients.hpp"
#include "engine/dead_letters/outbox.hpp"
#include "engine/log/log.hpp"
#include "engine/tenants/tenants_figures.hpp"

namespace sluice::dead_letters {

inline constexpr std::string_view stream_suffix = ".dead";

class DeadLetters {
  public:
    // `clients`: to Redis; null: the sink is none, and letters are only counted, as dropped. `figures` outlives it.
    // `reactors_count`: that have an outbox each.
    DeadLetters(std::unique_ptr<Clients> clients, std::size_t reactors_count, tenants::TenantsFigures& figures);
    ~DeadLetters() { stop_and_join(); }
    DeadLetters(const DeadLetters&) = delete;
    DeadLetters& operator=(const DeadLetters&) = delete;

    void start();
    // Writes what is there if Redis takes it at once. Returns within a second and the time-out of a question.
    void stop_and_join();
    // Of the reactor with this index, below reactors_count.
    [[nodiscard]] Outbox& outbox(std::size_t reactor_index) { return *outboxes_[reactor_index]; }

  private:
    void run();
    [[nodiscard]] bool wait(std::uint64_t wait_ns);
    void write_some();
    void write_some_of(Outbox& outbox);
    [[nodiscard]] bool has_letters() const;
    [[nodiscard]] bool write_first(Outbox& outbox);

    const std::unique_ptr<Clients> clients_;
    tenants::TenantsFigures& figures_;
    std::uint64_t retry_at_ns_ = 0;  // monotonic; Redis could not be reached: not before
    log::RateLimited log_;

    std::vector<std::unique_ptr<Outbox>> outboxes_;  // by the index of the reactor
    std::mutex mutex_;  // guards is_stopping_
    std::condition_variable wake_;
    bool is_stopping_ = false;

    std::thread thread_;
};

}  // namespace sluice::dead_letters
