#include "engine/forward/forwarder.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/error_text.hpp"
#include "engine/log/log.hpp"
#include "sinks/journal/delivered.hpp"
#include "sinks/journal/posix_file_system.hpp"

namespace sluice::forward {
namespace {

using sinks::journal::Position;

constexpr std::uint64_t save_interval_ns = 1'000'000'000;
constexpr std::uint64_t retry_interval_ns = 1'000'000'000;
constexpr std::uint64_t sleep_ns = 3'600'000'000'000;
constexpr int records_between_pumps = 256;
constexpr std::uint32_t backlog_records_between_pumps = 4096;  // more: the count is not overtaken

}  // namespace

Forwarder::Forwarder(const config::Config& config) : config_(config), directory_(config.journal.directory) {}

Forwarder::~Forwarder() { stop_and_join(0); }

std::expected<void, std::string> Forwarder::open() {
    const auto failure = [&](const std::string& what) {
        return std::unexpected("journal " + directory_ + ": " + what);
    };
    auto files = sinks::journal::open_directory(directory_);
    if (!files) return failure(text_of(files.error()));
    files_ = std::move(*files);
    auto lock = files_->lock_file(sinks::journal::deliverer_lock_name);
    if (!lock && lock.error() == std::errc::resource_unavailable_try_again)
        return failure("a replay delivers it; stop that first");
    if (!lock) return failure(text_of(lock.error()));
    lock_ = std::move(*lock);
    const auto beginning = sinks::journal::read_beginning(*files_, config_.sink.redis.exactly_once);
    if (!beginning) return failure(beginning.error());
    if (beginning->is_damaged)
        log::warn("delivered_position_damaged", {{"directory", directory_}, {"consequence", "all is sent again"}});
    delivered_file_ = std::make_unique<sinks::journal::DeliveredFile>(*files_);
    saved_ = beginning->delivered;
    delivered_ = saved_.value_or(Position{});
    sinks::StreamOwner owner;
    if (config_.sink.redis.exactly_once) {
        auto instance = Instance::open(*files_, config_.sink.redis);
        if (!instance) return failure(instance.error());
        instance_ = std::make_unique<Instance>(std::move(*instance));
        // What an earlier life may have sent: all that is confirmed by now. (Nothing may be left but `delivered`.)
        owner = {.instance = instance_->name(),
                 .known_last = last_entry_id_before(std::max(confirmed(), delivered_)),
                 .conflict = instance_->conflict(),
                 .on_conflict = [this](const std::string& sentence) { keep_conflict(sentence); }};
    }
    delivery_ = std::make_unique<Delivery>(config_, owner);
    feed_ = std::make_unique<RecordFeed>(*files_, delivered_, *delivery_);
    take_tenants();
    look_at_backlog();
    return {};
}

// Of what an earlier engine left, the age is that of its segment.
void Forwarder::look_at_backlog() {
    const Position end = confirmed();
    if (delivered_ >= end) return;
    backlog_ = std::make_unique<RecordCount>(*files_, delivered_, end);
    const std::uint64_t now_ns = monotonic_ns();
    const auto begin_ns = segment_begin_ns(*files_, delivered_);
    const std::int64_t age_ns = begin_ns ? std::max<std::int64_t>(unix_ns() - *begin_ns, 0) : 0;
    const std::scoped_lock lock(mutex_);
    confirmed_times_.add(end, now_ns - std::min(now_ns, static_cast<std::uint64_t>(age_ns)));
}

void Forwarder::start() {
    CHECK(delivery_ != nullptr && !thread_.joinable());
    thread_ = std::thread([this] { run(); });
    static_cast<void>(::pthread_setname_np(thread_.native_handle(), "sluice-forward"));
}

void Forwarder::stop_and_join(std::uint64_t patience_ns) {
    if (!thread_.joinable()) return;
    stop_deadline_ns_.store(monotonic_ns() + patience_ns, std::memory_order_release);
    waker_.wake();
    thread_.join();
}

void Forwarder::use_tenants(std::shared_ptr<const tenants::TenantTable> table) {
    {
        const std::scoped_lock lock(mutex_);
        next_tenants_ = std::move(table);
    }
    waker_.wake();
}

// The delivery has the streams of the start already.
void Forwarder::take_tenants() {
    const bool is_first = tenants_ == nullptr;
    {
        const std::scoped_lock lock(mutex_);
        if (tenants_ == next_tenants_) return;
        tenants_ = next_tenants_;
    }
    if (!is_first && tenants_->streams() != streams_) delivery_->use_streams(tenants_->streams());
    streams_ = tenants_->streams();
    feed_->use_tenants(tenants_);
}

void Forwarder::on_confirmed(const Position& end, std::uint64_t records_count) {
    {
        const std::scoped_lock lock(mutex_);
        CHECK(end >= confirmed_);  // what is confirmed stays so
        if (records_count != 0 && end > confirmed_) confirmed_times_.add(end, monotonic_ns());
        confirmed_ = end;
        journaled_records_count_ = records_count;
    }
    waker_.wake();
}

Position Forwarder::confirmed() const {
    const std::scoped_lock lock(mutex_);
    return confirmed_;
}

Forwarder::View Forwarder::view() const {
    View view = view_of_counters();
    if (view.delivered >= view.confirmed) return view;
    // A directory of its own: files_ is the thread's.
    const auto files = sinks::journal::open_directory(directory_);
    if (files) view.undelivered_bytes = bytes_between(**files, view.delivered, view.confirmed).value_or(0);
    return view;
}

Forwarder::View Forwarder::view_of_counters() const {
    const sinks::Sink& sink = delivery_->sink();
    const sinks::ExactlyOnceFigures* const duplicates = sink.figures().exactly_once;
    const std::uint64_t refused_count = records_refused_count_.load(std::memory_order_relaxed);
    const std::scoped_lock lock(mutex_);
    View view{.state = sink.figures().delivery.state.load(std::memory_order_relaxed),
              .last_error = error_.empty() ? sink.last_error() : error_,
              .delivered_samples_count = delivered_samples_count_,
              .delivered = delivered_,
              .confirmed = confirmed_,
              .instance = instance_ == nullptr ? std::string() : instance_->name(),
              .duplicates_refused_count =
                  duplicates == nullptr ? 0 : duplicates->duplicates_refused.load(std::memory_order_relaxed),
              .damaged_bytes = damaged_bytes_.load(std::memory_order_relaxed),
              .records_refused_count = refused_count,
              .undelivered_bytes = 0,
              .undelivered_samples_count = 0,
              .oldest_undelivered_ns = 0};
    if (delivered_ >= confirmed_) return view;
    const std::uint64_t known_count = backlog_records_count_ + journaled_records_count_;
    const std::uint64_t passed_count = delivered_samples_count_ + refused_count;
    view.undelivered_samples_count = known_count - std::min(known_count, passed_count);
    if (const auto since_ns = confirmed_times_.first_behind(delivered_))
        view.oldest_undelivered_ns = monotonic_ns() - *since_ns;
    return view;
}

// --- the thread ----------------------------------------------------------------------------------------------------

void Forwarder::run() {
    for (;;) {  // ends: may_end(), after stop_and_join()
        take_tenants();
        if (backlog_ != nullptr) count_backlog();
        const bool has_more = feed_some() || backlog_ != nullptr;
        // Asleep until there is something to do: a wake, a reply, or a position to keep.
        const bool may_sleep =
            !delivery_->has_in_flight() && saved_ == delivered() && retry_at_ns_ == 0 && log_.deadline_ns() == 0;
        const std::uint64_t wait_ns = may_sleep ? sleep_ns : save_interval_ns;
        delivery_->pump(has_more ? 0 : wait_ns, waker_.fd());
        waker_.drain();
        const std::uint64_t now_ns = monotonic_ns();
        log_.observe(delivery_->sink(), now_ns);
        if (now_ns - saved_ns_ >= save_interval_ns || frees_a_segment()) save(now_ns);
        if (may_end(now_ns)) break;
    }
    save(monotonic_ns());
    const View last = view();
    log::info("forwarder_stopped",
              {{"delivered", last.delivered_samples_count}, {"is_behind", last.delivered < last.confirmed}});
}

// Renders what is confirmed, as far as there is room; true if there may be more to do at once.
bool Forwarder::feed_some() {
    const Position end = confirmed();
    if (monotonic_ns() < retry_at_ns_) return false;
    if (end.segment > feed_->reader().position().segment) {
        if (const auto learnt = feed_->learn_end(); !learnt) {
            fail(text_of(learnt.error()), monotonic_ns());
            return false;
        }
    }
    for (int i = 0; i < records_between_pumps; ++i) {
        if (!delivery_->can_begin_round()) return false;
        if (!feed_->is_pending() && feed_->reader().position() >= end) {
            feed_->close_round();
            return false;
        }
        const auto step = feed_->step();
        if (!step) {
            fail(text_of(step.error()), monotonic_ns());
            return false;
        }
        switch (*step) {
            case RecordFeed::Step::sample:
            case RecordFeed::Step::passed:
            case RecordFeed::Step::full: break;
            case RecordFeed::Step::end: feed_->close_round(); return false;
            case RecordFeed::Step::gap: report_gap(); break;
            case RecordFeed::Step::refused: report_refused(); break;
        }
    }
    return true;
}

// Some thousands of records between two steps of the delivery: a millisecond or so.
void Forwarder::count_backlog() {
    backlog_->advance(backlog_records_between_pumps);
    {
        const std::scoped_lock lock(mutex_);
        backlog_records_count_ = backlog_->count();
    }
    if (backlog_->is_complete()) backlog_.reset();
}

void Forwarder::report_gap() {
    const auto& reader = feed_->reader();
    damaged_bytes_.fetch_add(reader.gap_bytes(), std::memory_order_relaxed);
    damage_log_.line(LogLevel::error, monotonic_ns(), "journal_damaged",
                     {{"segment", reader.gap_position().segment},
                      {"offset", reader.gap_position().offset},
                      {"bytes", reader.gap_bytes()}});
}

void Forwarder::report_refused() {
    const auto& reader = feed_->reader();
    records_refused_count_.fetch_add(1, std::memory_order_relaxed);
    refused_log_.line(LogLevel::error, monotonic_ns(), "journal_record_not_understood",
                      {{"segment", reader.record_position().segment}, {"offset", reader.record_position().offset}});
}

// Everything is delivered, or time is up, or nothing can be expected of Redis; a first connection is waited for.
bool Forwarder::may_end(std::uint64_t now_ns) const {
    const std::uint64_t deadline_ns = stop_deadline_ns_.load(std::memory_order_acquire);
    if (deadline_ns == 0) return false;
    const sinks::SinkFigures sink = delivery_->sink().figures();
    const bool is_ready = sink.delivery.state.load(std::memory_order_relaxed) == sinks::SinkState::ready;
    const bool is_hopeless =
        !is_ready && sink.link != nullptr && sink.link->connection_failures.load(std::memory_order_relaxed) != 0;
    const bool is_done = delivery_->is_idle() && feed_->reader().position() >= confirmed();
    return is_done || is_hopeless || now_ns >= deadline_ns;
}

// With nothing under way that is all that was read, also where no record follows.
std::optional<Position> Forwarder::delivered() const {
    return delivery_->is_idle() && !feed_->is_pending() && feed_->reader().position() > Position{}
               ? feed_->reader().position()
               : delivery_->confirmed();
}

// A journal of few segments would wait for the interval to have room again.
bool Forwarder::frees_a_segment() const {
    const auto position = delivered();
    return position && !has_save_failed_ && position->segment > saved_.value_or(Position{}).segment;
}

void Forwarder::save(std::uint64_t now_ns) {
    saved_ns_ = now_ns;
    {
        const std::scoped_lock lock(mutex_);
        delivered_samples_count_ = delivery_->confirmed_samples_count();
    }
    const auto position = delivered();
    const bool is_new = position && saved_ != position;
    if (is_new) {
        // Only damage is skipped up to where nothing is confirmed yet.
        CHECK(*position <= confirmed() || damaged_bytes_.load(std::memory_order_relaxed) != 0);
        const auto written = delivered_file_->write(*position);
        has_save_failed_ = !written;
        // Goes on delivering: what is delivered twice after a crash is less than what a journal refuses that fills up.
        if (!written) return set_error("cannot keep the delivered position: " + text_of(written.error()));
        saved_ = position;
        if (!std::exchange(is_destination_kept_, true))
            sinks::journal::write_destination(*files_, config_.sink.url.display);
    }
    const std::scoped_lock lock(mutex_);
    if (is_new) {
        delivered_ = *position;
        static_cast<void>(confirmed_times_.first_behind(delivered_));  // forgets what is delivered
    }
    if (now_ns < retry_at_ns_) return;
    retry_at_ns_ = 0;
    error_.clear();
}

void Forwarder::keep_conflict(const std::string& sentence) {
    log::error("streams_not_ours_alone", {{"instance", instance_->name()}, {"reason", sentence}});
    if (const auto kept = instance_->set_conflict(sentence); !kept)
        log::error("conflict_not_kept", {{"reason", text_of(kept.error())}});
}

void Forwarder::fail(const std::string& what, std::uint64_t now_ns) {
    retry_at_ns_ = now_ns + retry_interval_ns;
    set_error(what);
}

void Forwarder::set_error(const std::string& what) {
    const std::scoped_lock lock(mutex_);
    std::string error = "journal " + directory_ + ": " + what;
    if (error != error_) log::error("forwarder_failed", {{"reason", error}});
    error_ = std::move(error);
}

}  // namespace sluice::forward
