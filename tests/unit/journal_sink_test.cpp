// The journal sink over a simulated disk: what it settles, when, and as what.
// runs: release asan tsan
#include "sinks/journal/journal_sink.hpp"

#include <gtest/gtest.h>

#include "engine/core/clock.hpp"
#include "sinks/journal/encoder.hpp"
#include "sinks/journal/reader.hpp"
#include "tests/support/batches.hpp"
#include "tests/support/simulated_disk.hpp"

namespace sluice::sinks {
namespace {

using tests::OwnedBatch;
using tests::SimulatedDisk;

// A view of a disk that the test keeps.
class Borrowed final : public journal::FileSystem {
  public:
    explicit Borrowed(SimulatedDisk& disk) : disk_(disk) {}
    journal::IoResult<std::unique_ptr<journal::File>> create(const std::string& name, std::uint64_t bytes) override {
        return disk_.create(name, bytes);
    }
    journal::IoResult<std::unique_ptr<journal::File>> open(const std::string& name, journal::Access access) override {
        return disk_.open(name, access);
    }
    journal::IoResult<std::vector<std::string>> list() override { return disk_.list(); }
    journal::IoResult<void> remove(const std::string& name) override { return disk_.remove(name); }
    journal::IoResult<void> rename(const std::string& from, const std::string& to) override {
        return disk_.rename(from, to);
    }
    journal::IoResult<void> sync_directory() override { return disk_.sync_directory(); }
    journal::IoResult<std::unique_ptr<journal::Lock>> lock_directory() override { return disk_.lock_directory(); }
    journal::IoResult<std::unique_ptr<journal::Lock>> lock_file(const std::string& name) override {
        return disk_.lock_file(name);
    }

  private:
    SimulatedDisk& disk_;
};

class JournalSink : public testing::Test {
  protected:
    void open() {
        sink = make_journal_sink(settings, ledger, std::make_unique<Borrowed>(disk));
        const auto notes = sink->open();
        ASSERT_TRUE(notes) << notes.error();
    }
    OwnedBatch& batch_of(std::initializer_list<std::string_view> texts) {
        batches.push_back(std::make_unique<OwnedBatch>());
        OwnedBatch& batch = *batches.back();
        for (const std::string_view text : texts) {
            Sample sample;
            sample.raw = text;
            EXPECT_TRUE(encoder->append(*batch, sample));
        }
        return batch;
    }
    void submit(OwnedBatch& batch) {
        ledger.submitted(*batch);
        sink->submit(*batch);
    }
    // At a time `seconds` after the start of the test.
    void advance(std::uint64_t seconds = 0) { sink->advance(0, start_ns + seconds * 1'000'000'000); }
    void expect_state(SinkState state) { EXPECT_EQ(sink->figures().delivery.state.load(), state); }

    std::string contents() {
        journal::Reader reader(disk, {});
        std::string text;
        for (auto step = reader.next(); step && *step == journal::Reader::Step::record; step = reader.next())
            text.append(text.empty() ? "" : " ").append(reader.record().text);
        return text;
    }

    JournalSettings settings{.directory = "d", .log = {.segment_bytes = 8192, .total_bytes_max = 4 * 8192}};
    const std::uint64_t start_ns = monotonic_ns();
    SimulatedDisk disk{1};
    tests::LedgerPort ledger;
    std::unique_ptr<Encoder> encoder = make_journal_encoder();
    std::unique_ptr<Sink> sink;
    std::vector<std::unique_ptr<OwnedBatch>> batches;
};

TEST_F(JournalSink, SettlesWhatIsOnDiskAndNothingBefore) {
    open();
    expect_state(SinkState::ready);
    submit(batch_of({"a", "b"}));
    submit(batch_of({"c"}).ticket(0, 1));
    EXPECT_TRUE(ledger.finals.empty());
    EXPECT_EQ(contents(), "");
    disk.syncs_until_failure = 1;  // one sync has to do for both
    advance();
    EXPECT_EQ(ledger.finals.size(), 2u);
    EXPECT_TRUE(ledger.conserved());
    EXPECT_EQ(contents(), "a b c");
    EXPECT_EQ(sink->interest().deadline_ns, 0u);
    EXPECT_EQ(sink->last_error(), "");
}

TEST_F(JournalSink, WhoWaitsIsRefusedAndQueuedIsKeptWhenASyncFails) {
    open();
    // Records 0 and 2 are `queued`, 1 and 3 have somebody who waits.
    OwnedBatch& mixed = batch_of({"a", "b", "c", "d"}).ticket(1, 1).ticket(3, 1);
    OwnedBatch& waiting = batch_of({"e"}).ticket(0, 1);
    OwnedBatch& queued = batch_of({"f"});
    for (OwnedBatch* batch : {&mixed, &waiting, &queued}) submit(*batch);
    disk.syncs_until_failure = 0;
    advance();
    expect_state(SinkState::stalled);
    EXPECT_NE(sink->last_error().find("journal d: cannot sync"), std::string::npos) << sink->last_error();
    EXPECT_EQ(ledger.ticket_settlements, (std::vector<Batch*>{mixed.get()}));
    EXPECT_EQ(ledger.finals, (std::vector<Batch*>{waiting.get()}));
    for (const std::uint32_t command : {1u, 3u}) EXPECT_EQ(mixed->outcome(command), CommandOutcome::refused);
    EXPECT_EQ(waiting->outcome(0), CommandOutcome::refused);
    // Meanwhile nothing is tried, and who comes is answered at once.
    submit(batch_of({"g"}).ticket(0, 1));
    advance();
    EXPECT_EQ(ledger.finals.size(), 2u);
    EXPECT_NE(sink->interest().deadline_ns, 0u);
    EXPECT_EQ(contents(), "");
    // A second later a new segment takes what was kept, in order, before what came since.
    submit(batch_of({"h"}).ticket(0, 1));
    advance(2);
    expect_state(SinkState::ready);
    EXPECT_EQ(contents(), "a c f h");
    EXPECT_TRUE(ledger.conserved());
    EXPECT_EQ(ledger.dropped_samples, 4u);
    EXPECT_EQ(sink->last_error(), "");
}

TEST_F(JournalSink, AFullJournalIsBusyAndRecovers) {
    disk.capacity_bytes = 100;
    open();
    expect_state(SinkState::stalled);
    OwnedBatch& waiting = batch_of({"a"}).ticket(0, 1);
    submit(waiting);
    submit(batch_of({"b"}));
    advance();
    EXPECT_EQ(waiting->outcome(0), CommandOutcome::busy);
    EXPECT_NE(sink->last_error().find("No space left"), std::string::npos) << sink->last_error();
    advance(2);  // still full
    expect_state(SinkState::stalled);
    disk.capacity_bytes = 100'000;
    advance(4);
    expect_state(SinkState::ready);
    EXPECT_EQ(contents(), "b");
    EXPECT_TRUE(ledger.conserved());
}

// A group may fill several segments. What those hold is on disk when there is no room for the next: it is neither
// refused nor written a second time, and the listener learns of it, who alone can make room.
TEST_F(JournalSink, WhatAGroupCommittedBeforeTheJournalWasFullCounts) {
    class Listener final : public JournalListener {
      public:
        void on_confirmed(const journal::Position& end, std::uint64_t records) override {
            confirmed = end;
            records_count = records;
        }
        journal::Position confirmed;
        std::uint64_t records_count = 0;
    } listener;
    settings.listener = &listener;
    disk.capacity_bytes = 3 * 8192 + 100;  // two segments, and `delivered`
    open();
    const std::string text(3000, 'x');
    for (const char first : {'a', 'b'}) submit(batch_of({first + text, first + text}).ticket(0, 1));  // a segment each
    OwnedBatch& refused = batch_of({'c' + text, 'c' + text}).ticket(0, 1);
    submit(refused);
    advance();
    expect_state(SinkState::stalled);
    EXPECT_EQ(ledger.finals, (std::vector<Batch*>{batches[0]->get(), batches[1]->get()}));
    EXPECT_EQ(ledger.ticket_settlements, (std::vector<Batch*>{refused.get()}));
    EXPECT_EQ(refused->outcome(0), CommandOutcome::busy);
    EXPECT_EQ(listener.confirmed.segment, 2u);
    EXPECT_EQ(listener.records_count, 4u) << "of the two batches that are on disk";
    disk.capacity_bytes = 100'000;
    advance(2);
    expect_state(SinkState::ready);
    EXPECT_TRUE(ledger.conserved());
    EXPECT_EQ(ledger.dropped_samples, 1u);
    std::string firsts;
    for (const char c : contents())
        if (c != 'x' && c != ' ') firsts += c;
    EXPECT_EQ(firsts, "aabbc");
    EXPECT_EQ(listener.records_count, 5u);
}

// An idle engine says by itself that the disk takes something again.
TEST_F(JournalSink, RecoversWithoutSamples) {
    disk.capacity_bytes = 100;
    open();
    disk.capacity_bytes = 100'000;
    advance(2);
    expect_state(SinkState::ready);
    EXPECT_EQ(sink->last_error(), "");
}

TEST_F(JournalSink, AStartThatCannotBeIsOneSentence) {
    const auto sentence_of = [&] {
        const auto notes = make_journal_sink(settings, ledger, std::make_unique<Borrowed>(disk))->open();
        return notes ? "opened" : notes.error();
    };
    disk.is_read_only = true;
    EXPECT_EQ(sentence_of(), "journal d: cannot make 00000000000000000001.log: Read-only file system");
    disk.is_read_only = false;
    open();
    EXPECT_EQ(sentence_of(), "journal d: another process writes this journal");
    EXPECT_EQ(make_journal_sink({"/nonexistent/d", settings.log}, ledger)->open().error(),
              "journal /nonexistent/d: No such file or directory");
}

}  // namespace
}  // namespace sluice::sinks
