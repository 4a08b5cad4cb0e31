// TransactionWindow: what is sent, and what each answer of Redis means for it.
// runs: release asan
#include <gtest/gtest.h>

#include <array>
#include <deque>

#include "sinks/redis/exactly_once/introduction.hpp"
#include "sinks/redis/window/transaction_window.hpp"
#include "tests/support/batches.hpp"

namespace sluice::tests {
namespace {

using sinks::EntryId;
using sinks::redis::Introduction;
using sinks::redis::ReplyStream;
using sinks::redis::TransactionWindow;
using Step = TransactionWindow::Step;

const std::string ok = "+OK\r\n";
const std::string queued = "+QUEUED\r\n";
const std::string duplicate = "-ERR The ID specified in XADD is equal or smaller than the target stream top item\r\n";
const std::string wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
const std::string oom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
const std::string trailer = resp({"EXEC"}) + resp({"MULTI"});

std::string added(const std::string& id) { return "$" + std::to_string(id.size()) + "\r\n" + id + "\r\n"; }

std::string times(std::size_t count, const std::string& text) {
    std::string all;
    for (; count > 0; --count) all += text;
    return all;
}

class Transactions : public ::testing::Test {
  protected:
    Transactions() { stream.accept_arrays(&window); }

    // One command for each ID, to `key`.
    void submit(std::initializer_list<const char*> ids, const char* key = "t") {
        OwnedBatch& batch = batches.emplace_back(8192);
        for (const char* id : ids) batch.add(command(id, key));
        ledger.submitted(*batch);
        window.submit(*batch);
    }
    static std::string command(const char* id, const char* key = "t") {
        return resp({"XADD", key, "MAXLEN", "~", "1000", id, "device_id", "9-9"});
    }

    // Sends the next transaction, `piece_bytes` at a time; returns what went over the wire.
    std::string send(std::size_t piece_bytes = 1'000'000) {
        window.begin();
        std::string wire;
        std::array<iovec, TransactionWindow::pieces_count_max> pieces;
        while (window.gather(pieces) > 0) {
            const std::size_t bytes = std::min(piece_bytes, pieces[0].iov_len);
            wire.append(static_cast<const char*>(pieces[0].iov_base), bytes);
            window.sent(bytes);
        }
        return wire;
    }

    // What the answers came to, one step each.
    std::vector<Step> answer(const std::string& bytes) {
        std::vector<Step> steps;
        stream.give(bytes);
        for (ReplyStream::Next next = stream.next(); next != ReplyStream::Next::need_more; next = stream.next()) {
            EXPECT_NE(next, ReplyStream::Next::broken) << stream.broken_because();
            if (next == ReplyStream::Next::broken) break;
            const bool is_error = next == ReplyStream::Next::error;
            steps.push_back(window.take(is_error, is_error ? stream.error_text() : std::string_view(), 7));
        }
        return steps;
    }
    Step last_step(const std::string& bytes) { return answer(bytes).back(); }

    LedgerPort ledger;
    sinks::DeliveryFigures figures;
    sinks::ExactlyOnceFigures exactly_once;
    std::deque<OwnedBatch> batches;
    TransactionWindow window{ledger, figures, exactly_once, {5, 1000}};
    ReplyStream stream;
};

TEST_F(Transactions, AreOpenedAheadAndSentWhole) {
    window.opened();
    submit({"6-64", "6-128"});
    submit({"6-192"});
    EXPECT_EQ(send(5), command("6-64") + command("6-128") + command("6-192") + trailer);
    const auto steps = answer(times(3, queued) + "*3\r\n" + added("6-64") + added("6-128") + added("6-192") + ok);
    EXPECT_EQ(steps, (std::vector{Step::going_on, Step::going_on, Step::going_on, Step::settled, Step::opened}));
    EXPECT_EQ(ledger.delivered_samples, 3u);
    EXPECT_EQ(ledger.finals.size(), 2u);
    EXPECT_EQ(window.sent_last(), (EntryId{6, 192}));
    EXPECT_TRUE(window.is_open() && window.empty() && !window.awaits_replies());
}

TEST_F(Transactions, HoldHalfTheWindowAtMost) {
    window.opened();
    while (window.has_room()) submit({"6-64"});
    EXPECT_EQ(send(), times(limits::transaction_batches_count_max, command("6-64")) + trailer);
}

TEST_F(Transactions, ThatWereRefusedComeAgainWhole) {
    window.opened();
    submit({"6-64", "6-128"});
    const std::string wire = send();
    EXPECT_EQ(last_step(queued + oom + "-EXECABORT Transaction discarded because of previous errors.\r\n"),
              Step::refused);
    EXPECT_EQ(window.refusal(), CommandOutcome::busy);
    EXPECT_TRUE(window.error_text().starts_with("OOM")) << window.error_text();
    EXPECT_EQ(ledger.finals.size(), 0u);
    EXPECT_EQ(last_step(ok), Step::opened);
    EXPECT_EQ(send(), wire);
    EXPECT_EQ(last_step(queued + queued + "-EXECABORT Transaction discarded because of: READONLY You can't.\r\n"),
              Step::refused);
    EXPECT_EQ(window.error_text(), "READONLY You can't.");
    EXPECT_EQ(window.refusal(), CommandOutcome::busy);
    EXPECT_EQ(last_step(ok), Step::opened);
    EXPECT_EQ(send(), wire);
    EXPECT_EQ(last_step(queued + queued + "*2\r\n" + added("6-64") + added("6-128")), Step::settled);
    EXPECT_EQ(ledger.delivered_samples, 2u);
    EXPECT_EQ(exactly_once.duplicates_refused, 0u);
}

TEST_F(Transactions, WhoseAnswerWasLostComeAgainAndAreRefusedAsThere) {
    window.opened();
    submit({"6-64", "6-128"});
    const std::string wire = send();
    EXPECT_EQ(answer(queued).size(), 1u);
    window.connection_lost();
    EXPECT_EQ(window.sent_last(), (EntryId{6, 128})) << "the stream may end there";
    EXPECT_FALSE(window.is_open());
    stream.reset();
    window.opened();
    submit({"6-192"});
    EXPECT_EQ(send(), command("6-64") + command("6-128") + command("6-192") + trailer);
    EXPECT_EQ(last_step(times(3, queued) + "*3\r\n" + duplicate + duplicate + added("6-192")), Step::settled);
    EXPECT_EQ(ledger.delivered_samples, 3u);
    EXPECT_EQ(exactly_once.duplicates_refused, 2u);
    EXPECT_EQ(figures.replies_ok, 1u);
    EXPECT_EQ(figures.batches_resent, 1u);
}

TEST_F(Transactions, OfAnEarlierLifeMayBeThere) {
    window.opened();
    submit({"5-936", "5-1000", "6-64"});
    static_cast<void>(send());
    EXPECT_EQ(last_step(times(3, queued) + "*3\r\n" + duplicate + duplicate + added("6-64")), Step::settled);
    EXPECT_EQ(ledger.delivered_samples, 3u);
}

TEST_F(Transactions, ThatAreNewAndRefusedAsThereAreAConflict) {
    window.opened();
    submit({"5-1000"});
    submit({"5-1008", "6-64"});
    static_cast<void>(send());
    EXPECT_EQ(last_step(times(3, queued) + "*3\r\n" + duplicate + duplicate + added("6-64")), Step::conflict);
    EXPECT_NE(window.error_text().find("at or above 5-1008"), std::string::npos) << window.error_text();
    EXPECT_EQ(ledger.finals.size(), 0u) << "nothing counts as delivered";
}

// A partition's key is no stream: the others are applied, and all comes again.
TEST_F(Transactions, ThatWereAppliedInPartComeAgain) {
    window.opened();
    submit({"6-64"}, "a");
    submit({"6-128"}, "b");
    submit({"6-192"}, "a");
    static_cast<void>(send());
    EXPECT_EQ(last_step(times(3, queued) + "*3\r\n" + wrong_type + added("6-128") + wrong_type), Step::refused);
    EXPECT_EQ(window.refusal(), CommandOutcome::refused);
    EXPECT_TRUE(window.error_text().starts_with("WRONGTYPE"));
    EXPECT_EQ(last_step(ok), Step::opened);
    static_cast<void>(send());
    EXPECT_EQ(last_step(times(3, queued) + "*3\r\n" + added("6-64") + duplicate + added("6-192")), Step::settled);
    EXPECT_EQ(ledger.delivered_samples, 3u);
    EXPECT_EQ(exactly_once.duplicates_refused, 1u);
}

TEST_F(Transactions, InWhichALaterEntryOvertookARefusedOneAreAConflict) {
    window.opened();
    submit({"6-64", "6-128"});
    static_cast<void>(send());
    EXPECT_EQ(last_step(queued + queued + "*2\r\n" + oom + added("6-128")), Step::conflict);
    EXPECT_EQ(ledger.finals.size(), 0u);
}

TEST_F(Transactions, EndWithTheConnectionThatOpensNoOther) {
    window.opened();
    submit({"6-64"});
    static_cast<void>(send());
    EXPECT_EQ(last_step(queued + "*1\r\n" + added("6-64") + "-NOPERM no multi\r\n"), Step::unusable);
    EXPECT_FALSE(window.is_open()) << "commands without a transaction would run one by one";
    EXPECT_EQ(ledger.delivered_samples, 1u);
}

TEST_F(Transactions, TakeNoAnswerThatCanBeNone) {
    struct Row {
        const char* name;
        std::string answers;
    };
    const Row rows[] = {{"too few elements", queued + queued + "*1\r\n" + added("6-64")},
                        {"too many", queued + queued + "*3\r\n" + times(3, added("6-64"))},
                        {"nested", queued + queued + "*2\r\n" + added("6-64") + "*1\r\n" + added("6-128")},
                        {"no array", queued + queued + ok}};
    submit({"6-64", "6-128"});
    for (const Row& row : rows) {
        window.opened();
        static_cast<void>(send());
        EXPECT_EQ(last_step(row.answers), Step::not_due) << row.name;
        window.connection_lost();
        stream.reset();
    }
    EXPECT_EQ(ledger.finals.size(), 0u);
    EXPECT_EQ(last_step(ok), Step::not_due) << "nothing was sent";
    window.opened();
    window.begin();
    window.sent(10);
    EXPECT_EQ(last_step(queued + queued + "*2\r\n" + added("6-64") + added("6-128")), Step::not_due)
        << "EXEC was not sent yet";
}

TEST(Introductions, TellWhereTheStreamsEnd) {
    Introduction introduction("s:streams", {"a", "b", "c"});
    EXPECT_EQ(introduction.bytes(), resp({"SADD", "s:streams", "a", "b", "c"}) + resp({"XINFO", "STREAM", "a"}) +
                                        resp({"XINFO", "STREAM", "b"}) + resp({"XINFO", "STREAM", "c"}) +
                                        resp({"MULTI"}));
    const auto xinfo = [](const std::string& id) {  // Redis 7.0, shortened; the entry says the same words
        const std::string entry = "*2\r\n$3\r\n9-9\r\n*2\r\n$17\r\nlast-generated-id\r\n$3\r\n8-8\r\n";
        return "*8\r\n$6\r\nlength\r\n:5\r\n$17\r\nlast-generated-id\r\n" + added(id) + "$11\r\nfirst-entry\r\n" +
               entry + "$10\r\nlast-entry\r\n$-1\r\n";
    };
    const auto tell = [&](const std::string& bytes) {
        ReplyStream stream;
        stream.accept_arrays(&introduction);
        introduction.begin();
        stream.give(bytes);
        auto step = Introduction::Step::going_on;
        while (step == Introduction::Step::going_on) {
            const auto next = stream.next();
            if (next == ReplyStream::Next::need_more) break;
            step = introduction.take(next == ReplyStream::Next::error, stream.error_text());
        }
        return step;
    };
    EXPECT_EQ(tell(":3\r\n" + xinfo("5-64") + xinfo("7-128") + "-ERR no such key\r\n" + ok), Introduction::Step::done);
    EXPECT_EQ(introduction.top(), (EntryId{7, 128}));
    EXPECT_EQ(introduction.top_key(), "b");
    EXPECT_EQ(tell(":3\r\n" + times(3, "-ERR no such key\r\n") + ok), Introduction::Step::done);
    EXPECT_EQ(introduction.top(), (EntryId{0, 0}));
    EXPECT_EQ(tell(oom), Introduction::Step::failed);
    EXPECT_EQ(introduction.refused_command(), "SADD");
    EXPECT_TRUE(introduction.error_text().starts_with("OOM")) << introduction.error_text();
    EXPECT_EQ(tell(":3\r\n" + wrong_type), Introduction::Step::failed);
    EXPECT_EQ(tell(":3\r\n" + xinfo("no-id")), Introduction::Step::failed);
    EXPECT_EQ(tell(":3\r\n" + xinfo("1-1") + "*0\r\n"), Introduction::Step::failed)
        << "an ID of another reply does not count";
    EXPECT_EQ(tell(":3\r\n" + times(3, xinfo("1-1")) + "-NOPERM no\r\n"), Introduction::Step::failed);
    EXPECT_EQ(introduction.refused_command(), "MULTI");
    EXPECT_TRUE(introduction.error_text().starts_with("NOPERM"));
}

TEST(EntryIds, AreReadWholeOrNotAtAll) {
    EXPECT_EQ(sinks::parse_entry_id("1-64"), (EntryId{1, 64}));
    EXPECT_EQ(sinks::parse_entry_id("18446744073709551615-18446744073709551615"),
              (EntryId{~std::uint64_t{0}, ~std::uint64_t{0}}));
    for (const char* text : {"", "1", "1-", "-1", "1-2-3", "1-2x", "x1-2", "18446744073709551616-0"})
        EXPECT_EQ(sinks::parse_entry_id(text), std::nullopt) << text;
    EXPECT_LT((EntryId{1, 9}), (EntryId{2, 1}));
    EXPECT_EQ(sinks::text_of(EntryId{2, 64}), "2-64");
}

}  // namespace
}  // namespace sluice::tests
