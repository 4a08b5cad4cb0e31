// Forwarder: store-and-forward. Delivers to Redis, in order, what the journal in front of it has confirmed, for as long
// as the engine runs. While Redis is away the journal grows, the reactors go on answering, and nothing is held in
// memory.
//
// Every sample goes through the journal, also while Redis is up. So the samples of a device keep their order, and the
// engine never switches between two paths. The price is a write to disk and a second decoding for each sample, on other
// threads.
// Rejected: to journal only what Redis refuses. Those batches are rendered for Redis already, and samples that come
// when Redis is back would have to wait behind the journal.
//
// Its own thread; on_confirmed() is called by the journal sink's.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/delivery/sink_log.hpp"
#include "engine/forward/backlog.hpp"
#include "engine/forward/instance.hpp"
#include "engine/forward/record_feed.hpp"
#include "engine/io/waker.hpp"
#include "engine/log/log.hpp"
#include "engine/tenants/tenant_table.hpp"
#include "sinks/journal/delivered.hpp"
#include "sinks/journal/journal_sink.hpp"

namespace sluice::forward {

class Forwarder final : public sinks::JournalListener {
  public:
    // `config` outlives the forwarder.
    explicit Forwarder(const config::Config& config);
    ~Forwarder();
    Forwarder(const Forwarder&) = delete;
    Forwarder& operator=(const Forwarder&) = delete;

    // After the journal sink's open(). One sentence if the journal cannot be read.
    [[nodiscard]] std::expected<void, std::string> open();
    void start();
    // Delivers the rest if Redis takes it within `patience_ns`; what is left, the next engine delivers.
    void stop_and_join(std::uint64_t patience_ns);

    // Any thread, also before open(): from here on samples of tenants go to the streams of `table`. Its streams are
    // those of the one before, where each has a lane of its own and with exactly once. Null: there are no tenants.
    void use_tenants(std::shared_ptr<const tenants::TenantTable> table);

    // The journal sink's thread.
    void on_confirmed(const sinks::journal::Position& end, std::uint64_t records_count) override;

    struct View {
        sinks::SinkState state;
        std::string last_error;  // empty if all is well
        std::uint64_t delivered_samples_count;  // since the engine started
        sinks::journal::Position delivered;  // everything before it is in Redis
        sinks::journal::Position confirmed;  // everything before it is in the journal
        std::string instance;  // exactly once: this engine's name in the keys; else empty
        std::uint64_t duplicates_refused_count;  // samples that were sent again, and that Redis had
        std::uint64_t damaged_bytes;  // of the journal, skipped since the engine started
        std::uint64_t records_refused_count;  // whole ones in which no sample was understood, skipped likewise
        // What is in the journal and not known to be in Redis. Samples that an earlier engine left are counted while
        // this one runs already: until then the number is too low.
        std::uint64_t undelivered_bytes;
        std::uint64_t undelivered_samples_count;
        std::uint64_t oldest_undelivered_ns;  // age of the oldest of them, at most a little too high; 0: there is none
    };
    // Any thread, after open().
    // Looks into the journal's directory if more than a segment is undelivered.
    [[nodiscard]] View view() const;
    // What delivers: for what any thread may ask of it, after open().
    [[nodiscard]] const sinks::Sink& sink() const { return delivery_->sink(); }

  private:
    [[nodiscard]] View view_of_counters() const;
    void look_at_backlog();
    void run();
    void take_tenants();
    [[nodiscard]] bool feed_some();
    void count_backlog();
    void report_gap();
    void report_refused();
    [[nodiscard]] bool may_end(std::uint64_t now_ns) const;
    [[nodiscard]] std::optional<sinks::journal::Position> delivered() const;
    [[nodiscard]] bool frees_a_segment() const;
    void save(std::uint64_t now_ns);
    void fail(const std::string& what, std::uint64_t now_ns);
    void set_error(const std::string& what);
    void keep_conflict(const std::string& sentence);
    [[nodiscard]] sinks::journal::Position confirmed() const;

    const config::Config& config_;
    const std::string directory_;
    std::unique_ptr<sinks::journal::FileSystem> files_;
    std::unique_ptr<sinks::journal::DeliveredFile> delivered_file_;
    std::unique_ptr<Instance> instance_;  // null: not exactly once
    std::unique_ptr<Delivery> delivery_;
    std::unique_ptr<sinks::journal::Lock> lock_;  // against a replay beside it
    std::unique_ptr<RecordFeed> feed_;
    std::unique_ptr<RecordCount> backlog_;  // what an earlier engine left; null: counted
    SinkLog log_{"forwarder"};
    log::RateLimited damage_log_, refused_log_;
    std::optional<sinks::journal::Position> saved_;
    std::uint64_t saved_ns_ = 0;
    bool has_save_failed_ = false;
    bool is_destination_kept_ = false;
    std::uint64_t retry_at_ns_ = 0;  // the journal could not be read: not before
    Waker waker_;
    std::thread thread_;

    std::atomic<std::uint64_t> damaged_bytes_{0};  // for view() only: relaxed
    std::atomic<std::uint64_t> records_refused_count_{0};  // likewise

    std::shared_ptr<const tenants::TenantTable> tenants_;  // that the feed uses
    std::vector<std::string> streams_;  // of tenants, that the delivery uses
    mutable std::mutex mutex_;  // guards what follows, up to error_
    std::shared_ptr<const tenants::TenantTable> next_tenants_;  // that it is to use
    sinks::journal::Position confirmed_;
    sinks::journal::Position delivered_;
    std::uint64_t delivered_samples_count_ = 0;
    std::uint64_t journaled_records_count_ = 0;  // since the engine started
    std::uint64_t backlog_records_count_ = 0;  // of those that were there when it started, as far as counted
    mutable ConfirmedTimes confirmed_times_;
    std::string error_;  // with the journal; Redis' is the sink's

    // stop_and_join() stores, release; pairs with the acquire load in run(). 0: goes on.
    std::atomic<std::uint64_t> stop_deadline_ns_{0};
};

}  // namespace sluice::forward
