#include "sinks/journal/journal_sink.hpp"

#include <algorithm>
#include <bitset>
#include <cstring>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "sinks/journal/posix_file_system.hpp"
#include "sinks/last_error.hpp"

namespace sluice::sinks {
namespace {

constexpr std::uint64_t retry_interval_ns = 1'000'000'000;
// Room comes with each segment that was delivered, and to look for it is cheap.
constexpr std::uint64_t retry_full_interval_ns = 50'000'000;

// Batches in the order in which they came, linked through Batch::next.
class BatchList {
  public:
    [[nodiscard]] bool empty() const { return first_ == nullptr; }
    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] Batch* first() const { return first_; }
    void push_back(Batch& batch) {
        batch.next = nullptr;
        (last_ == nullptr ? first_ : last_->next) = &batch;
        last_ = &batch;
        ++count_;
    }
    [[nodiscard]] Batch& pop_front() {
        CHECK(first_ != nullptr);
        Batch& batch = *first_;
        first_ = batch.next;
        if (first_ == nullptr) last_ = nullptr;
        batch.next = nullptr;
        --count_;
        return batch;
    }

  private:
    Batch* first_ = nullptr;
    Batch* last_ = nullptr;
    std::size_t count_ = 0;
};

// Moves the records that no ticket covers to the front of the batch; returns how many there are.
std::uint32_t keep_unticketed(Batch& batch) {
    std::bitset<limits::batch_commands_count_max> ticketed;
    for (const BatchTicket& ticket : batch.tickets())
        for (std::uint32_t i = 0; i < ticket.command_count; ++i) ticketed.set(ticket.first_command + i);
    const std::span<char> bytes = batch.bytes();
    std::size_t from = 0;
    std::size_t to = 0;
    std::uint32_t count = 0;
    for (std::uint32_t record = 0; record < batch.command_count(); ++record) {
        const std::size_t length = journal::first_record_bytes(bytes.subspan(from));
        if (!ticketed.test(record)) {
            std::memmove(bytes.data() + to, bytes.data() + from, length);
            to += length;
            ++count;
        }
        from += length;
    }
    batch.keep_front(to, count, count);
    return count;
}

class JournalSink final : public Sink {
  public:
    JournalSink(const JournalSettings& settings, CompletionPort& port, std::unique_ptr<journal::FileSystem> files)
        : settings_(settings), port_(port), files_(std::move(files)) {}

    [[nodiscard]] std::expected<std::vector<std::string>, std::string> open() override;
    [[nodiscard]] bool has_room() const override { return true; }
    void submit(Batch& batch) override { fresh_.push_back(batch); }
    [[nodiscard]] Interest interest() const override { return {-1, 0, is_stalled_ ? retry_at_ns_ : 0}; }
    void advance(short revents, std::uint64_t now_ns) override;
    [[nodiscard]] const SinkSignal& signal() const override { return signal_; }
    [[nodiscard]] SinkFigures figures() const override { return {.delivery = figures_, .journal = &journal_}; }
    [[nodiscard]] std::string last_error() const override { return last_error_.text(); }

  private:
    [[nodiscard]] journal::LogResult<void> write_all();
    [[nodiscard]] journal::LogResult<void> write(const BatchList& batches);
    void stall(const journal::LogError& error);
    void recover();
    void refuse_fresh();
    void settle_delivered(BatchList& batches, std::size_t count);
    void announce() {
        if (settings_.listener != nullptr) settings_.listener->on_confirmed(log_->confirmed(), records_count_);
    }
    void publish_size() { journal_.bytes.store(log_->total_bytes(), std::memory_order_relaxed); }

    const JournalSettings settings_;
    CompletionPort& port_;
    std::unique_ptr<journal::FileSystem> files_;
    std::unique_ptr<journal::Log> log_;
    BatchList kept_;   // only `queued` samples, whose tickets are decided; before all of fresh_
    BatchList fresh_;  // as they were submitted
    std::size_t appended_count_ = 0;   // batches of the group that is being written: of kept_, then of fresh_
    std::uint64_t records_count_ = 0;  // of all batches that were settled as delivered
    std::size_t confirmed_count_ = 0;  // those of them that are on disk although the group as a whole is not
    bool is_stalled_ = false;
    CommandOutcome refusal_ = CommandOutcome::busy;  // what tickets are told while stalled
    std::uint64_t retry_at_ns_ = 0;

    SinkSignal signal_;
    DeliveryFigures figures_;
    JournalFigures journal_;
    LastError last_error_;
};

std::expected<std::vector<std::string>, std::string> JournalSink::open() {
    if (files_ == nullptr) {
        auto files = journal::open_directory(settings_.directory);
        if (!files)
            return std::unexpected("journal " + settings_.directory + ": " +
                                   std::make_error_code(files.error()).message());
        files_ = std::move(*files);
    }
    std::vector<std::string> notes;
    auto log = journal::Log::open(*files_, settings_.log, notes);
    if (!log) return std::unexpected("journal " + settings_.directory + ": " + log.error().sentence);
    log_ = std::move(*log);
    journal_.bytes_max.store(settings_.log.total_bytes_max, std::memory_order_relaxed);
    publish_size();
    if (const auto prepared = log_->prepare(); !prepared) stall(prepared.error());
    else figures_.state.store(SinkState::ready, std::memory_order_relaxed);
    announce();
    return notes;
}

void JournalSink::advance(short, std::uint64_t now_ns) {
    CHECK(log_ != nullptr);
    if (is_stalled_ && now_ns < retry_at_ns_) return refuse_fresh();
    if (fresh_.empty() && !is_stalled_) return;
    const auto written = write_all();
    publish_size();
    const std::size_t settled_count = written ? kept_.count() + fresh_.count() : confirmed_count_;
    const std::size_t settled_of_kept = std::min(settled_count, kept_.count());
    settle_delivered(kept_, settled_of_kept);
    settle_delivered(fresh_, settled_count - settled_of_kept);
    announce();  // also after an error: only who learns of a segment can deliver it, and so make room
    if (!written) {
        stall(written.error());
        return refuse_fresh();
    }
    add(journal_.syncs, 1);
    if (is_stalled_) recover();
}

// --- writing -------------------------------------------------------------------------------------------------------

journal::LogResult<void> JournalSink::write_all() {
    appended_count_ = confirmed_count_ = 0;
    if (auto prepared = log_->prepare(); !prepared)
        return prepared;  // while stalled there may be nothing to write but this
    if (auto written = write(kept_); !written) return written;
    if (auto written = write(fresh_); !written) return written;
    return log_->commit();
}

journal::LogResult<void> JournalSink::write(const BatchList& batches) {
    for (Batch* batch = batches.first(); batch != nullptr; batch = batch->next) {
        const journal::Position before = log_->confirmed();
        const auto appended = log_->append(batch->bytes());
        // A segment was full and is closed: whatever becomes of the next one, what stands in it counts.
        if (log_->confirmed() != before) confirmed_count_ = appended_count_;
        if (!appended) return appended;
        ++appended_count_;
        add(figures_.batches_sent, 1);
        add(figures_.bytes_sent, batch->bytes().size());
    }
    return {};
}

void JournalSink::settle_delivered(BatchList& batches, std::size_t count) {
    CHECK(count <= batches.count());
    const std::uint64_t now_ns = monotonic_ns();
    for (; count != 0; --count) {
        Batch& batch = batches.pop_front();
        add(figures_.replies_ok, batch.command_count());
        records_count_ += batch.command_count();
        batch.settled.delivered = batch.sample_count();
        batch.settled.replied_ns = now_ns;
        port_.settle(batch, Settlement::final);
    }
}

// --- last error
// -------------------------------------------------------------------------------------------------------

void JournalSink::stall(const journal::LogError& error) {
    const bool is_full = error.failure == journal::LogFailure::full;
    is_stalled_ = true;
    refusal_ = is_full ? CommandOutcome::busy : CommandOutcome::refused;
    const std::uint64_t now_ns = monotonic_ns();
    retry_at_ns_ = now_ns + (is_full ? retry_full_interval_ns : retry_interval_ns);
    record_refusal(figures_, refusal_, now_ns);
    figures_.state.store(SinkState::stalled, std::memory_order_relaxed);
    publish(signal_.refuses, refusal_);
    last_error_.set("journal " + settings_.directory + ": " + error.sentence);
}

void JournalSink::recover() {
    is_stalled_ = false;
    forget_refusal(figures_);
    publish(signal_.refuses, CommandOutcome::delivered);
    figures_.state.store(SinkState::ready, std::memory_order_relaxed);
    last_error_.set({});
}

// Answers whoever waits, and keeps the rest.
void JournalSink::refuse_fresh() {
    const std::uint64_t now_ns = monotonic_ns();
    auto& replies = refusal_ == CommandOutcome::busy ? figures_.replies_busy : figures_.replies_refused;
    while (!fresh_.empty()) {
        Batch& batch = fresh_.pop_front();
        for (const BatchTicket& ticket : batch.tickets())
            for (std::uint32_t i = 0; i < ticket.command_count; ++i)
                batch.set_outcome(ticket.first_command + i, refusal_);
        add(replies, batch.ticketed_sample_count());
        batch.settled.tickets_dropped = batch.ticketed_sample_count();
        batch.settled.replied_ns = now_ns;
        if (batch.ticketed_sample_count() == batch.sample_count()) {
            port_.settle(batch, Settlement::final);
            continue;
        }
        const bool has_tickets = !batch.tickets().empty();
        if (has_tickets) static_cast<void>(keep_unticketed(batch));
        kept_.push_back(batch);
        if (has_tickets) port_.settle(batch, Settlement::tickets);
    }
}

}  // namespace

std::unique_ptr<Sink> make_journal_sink(const JournalSettings& settings, CompletionPort& port) {
    return std::make_unique<JournalSink>(settings, port, nullptr);
}

std::unique_ptr<Sink> make_journal_sink(const JournalSettings& settings, CompletionPort& port,
                                        std::unique_ptr<journal::FileSystem> files) {
    return std::make_unique<JournalSink>(settings, port, std::move(files));
}

}  // namespace sluice::sinks
