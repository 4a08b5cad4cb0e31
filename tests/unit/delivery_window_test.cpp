// DeliveryWindow without a socket: the figures of each way a batch can end, then a random server that refuses,
// answers in parts and hangs up, checked against what must hold for every sample.
// runs: release asan
#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <deque>
#include <random>

#include "sinks/redis/resp/error_class.hpp"
#include "sinks/redis/resp/resp_walk.hpp"
#include "sinks/redis/window/delivery_window.hpp"
#include "tests/support/batches.hpp"
#include "tests/support/seed.hpp"

namespace sluice::tests {
namespace {

using sinks::redis::DeliveryWindow;
using Begin = DeliveryWindow::Begin;

const std::string wait_command = resp({"WAIT", "1", "100"});

struct Bench {
    LedgerPort ledger;
    sinks::DeliveryFigures figures;
    DeliveryWindow window{ledger, figures};

    Bench() { window.set_wait_command(wait_command); }

    void submit(OwnedBatch& batch) {
        ledger.submitted(*batch);
        window.submit(*batch);
    }
    // Sends everything that may be sent; returns it.
    std::string send(Begin begin) {
        std::array<iovec, DeliveryWindow::pieces_count_max> pieces;
        const std::size_t count = window.gather(pieces, begin);
        std::string bytes;
        for (std::size_t i = 0; i < count; ++i) bytes.append(static_cast<char*>(pieces[i].iov_base), pieces[i].iov_len);
        window.sent(bytes.size());
        return bytes;
    }
    // 'o' is a good reply, 'b' busy, 'r' refused; 'w' is a WAIT with enough replicas, 'n' one without.
    void reply(std::string_view outcomes) {
        for (const char c : outcomes) {
            if (c == 'w' || c == 'n') {
                ASSERT_TRUE(window.wait_is_due());
                ASSERT_TRUE(window.reply_wait(c == 'w', 7));
            } else if (c == 'o') {
                ASSERT_TRUE(window.reply_ok(7));
            } else {
                ASSERT_TRUE(window.reply_error(c == 'b' ? CommandOutcome::busy : CommandOutcome::refused, 7));
            }
        }
    }
};

OwnedBatch three_samples() {
    OwnedBatch batch;
    for (std::uint64_t i = 0; i < 3; ++i) batch.add_sample("t", "d", i);
    return batch;
}

struct EndCase {
    const char* name;
    std::uint32_t ticket_first, ticket_count;  // 0 commands: no ticket
    const char* replies;
    bool kept;
    std::uint32_t dropped_count;  // when the tickets are decided
};

class DeliveryWindowEnd : public ::testing::TestWithParam<EndCase> {};

TEST_P(DeliveryWindowEnd, FiguresAddUp) {
    const EndCase& c = GetParam();
    Bench bench;
    OwnedBatch batch = three_samples();
    if (c.ticket_count > 0) batch.ticket(c.ticket_first, c.ticket_count);
    bench.submit(batch);
    bench.send(Begin::all);
    bench.reply(c.replies);
    EXPECT_EQ(bench.window.is_stalled(), c.kept);
    EXPECT_EQ(batch->settled.tickets_dropped, c.dropped_count);
    EXPECT_EQ(bench.ledger.ticket_settlements.size(), c.kept && c.ticket_count > 0 ? 1u : 0u);
    if (c.kept) {
        const std::uint32_t kept_count = batch->command_count();
        bench.send(Begin::front_only);
        bench.reply(std::string(kept_count, 'b'));  // refused once more, then taken
        bench.send(Begin::front_only);
        bench.reply(std::string(kept_count, 'o'));
    }
    ASSERT_EQ(bench.ledger.finals.size(), 1u);
    EXPECT_TRUE(bench.ledger.conserved());
    EXPECT_TRUE(bench.window.empty());
    EXPECT_FALSE(bench.window.is_stalled());
    EXPECT_EQ(batch->settled.delivered, 3 - c.dropped_count);
    EXPECT_EQ(batch->settled.replied_ns, 7u);
}

INSTANTIATE_TEST_SUITE_P(Ends, DeliveryWindowEnd,
                         ::testing::Values(EndCase{"all_good", 0, 0, "ooo", false, 0},
                                           EndCase{"all_good_ticketed", 0, 3, "ooo", false, 0},
                                           EndCase{"queued_busy", 0, 0, "obo", true, 0},
                                           EndCase{"queued_refused", 0, 0, "rrr", true, 0},
                                           EndCase{"stored_refused", 0, 3, "oro", false, 1},
                                           EndCase{"stored_all_busy", 0, 3, "bbb", false, 3},
                                           EndCase{"mixed_all_busy", 1, 1, "bbb", true, 1},
                                           EndCase{"mixed_only_stored_busy", 1, 2, "obb", false, 2},
                                           EndCase{"mixed_only_queued_busy", 1, 2, "boo", true, 0}),
                         [](const auto& test) { return test.param.name; });

TEST(DeliveryWindow, PackedIsKeptIfAnySampleIsQueued) {
    Bench bench;
    OwnedBatch batch;
    batch.add(resp({"XADD", "t", "*", "n", "5", "ndjson", "..."}), 5).packed_ticket(3);
    bench.submit(batch);
    const std::string first = bench.send(Begin::all);
    bench.reply("b");
    EXPECT_EQ(bench.ledger.ticket_settlements.size(), 1u) << "those who wait hear at once that it failed";
    EXPECT_EQ(batch->settled.tickets_dropped, 0u) << "but nothing is dropped";
    EXPECT_EQ(bench.send(Begin::front_only), first);
    bench.reply("o");
    EXPECT_EQ(batch->settled.delivered, 5u);
    EXPECT_TRUE(bench.ledger.conserved());
}

TEST(DeliveryWindow, PackedWithTicketsOnlyFailsAtOnce) {
    Bench bench;
    OwnedBatch batch;
    batch.add(resp({"XADD", "t", "*", "n", "5"}), 5).packed_ticket(3).packed_ticket(2);
    bench.submit(batch);
    bench.send(Begin::all);
    bench.reply("r");
    ASSERT_EQ(bench.ledger.finals.size(), 1u);
    EXPECT_EQ(batch->settled.tickets_dropped, 5u);
    EXPECT_EQ(batch->settled.delivered, 0u);
}

TEST(DeliveryWindow, LaterBatchesWaitUntilTheKeptOneWentThrough) {
    Bench bench;
    OwnedBatch kept = three_samples();
    OwnedBatch on_the_wire = three_samples();
    OwnedBatch later = three_samples();
    bench.submit(kept);
    bench.submit(on_the_wire);
    bench.send(Begin::all);
    bench.reply("bob");
    EXPECT_EQ(bench.window.take_kept_reason(), CommandOutcome::busy);
    bench.submit(later);
    EXPECT_EQ(bench.send(Begin::none), "");
    bench.reply("ooo");
    EXPECT_EQ(bench.ledger.finals, std::vector<Batch*>{on_the_wire.get()});
    EXPECT_TRUE(bench.window.is_stalled());
    bench.send(Begin::front_only);
    bench.reply("oo");
    EXPECT_FALSE(bench.window.is_stalled());
    bench.send(Begin::all);
    bench.reply("ooo");
    EXPECT_EQ(bench.ledger.finals, (std::vector<Batch*>{on_the_wire.get(), kept.get(), later.get()}));
}

TEST(DeliveryWindow, OneWaitFollowsABatchOfWhichSomebodyWantsReplicas) {
    Bench bench;
    OwnedBatch batch = three_samples();
    batch.ticket(0, 1).replicated_ticket(1, 2, 2);
    OwnedBatch other = three_samples();
    other.ticket(0, 3);
    const std::string bytes(batch->bytes().begin(), batch->bytes().end());
    bench.submit(batch);
    bench.submit(other);
    EXPECT_EQ(bench.send(Begin::all), bytes + wait_command + std::string(other->bytes().begin(), other->bytes().end()));
    bench.reply("ooo");
    EXPECT_TRUE(bench.ledger.finals.empty());
    bench.reply("w");
    ASSERT_EQ(bench.ledger.finals.size(), 1u);
    EXPECT_EQ(batch->settled.tickets_replicated_from, 0u);
    EXPECT_EQ(batch->settled.delivered, 3u);
    bench.reply("ooo");
    EXPECT_EQ(bench.ledger.finals.size(), 2u);
    EXPECT_EQ(bench.window.waits_count(), 1u);
    EXPECT_EQ(bench.window.waits_short_count(), 0u);
}

TEST(DeliveryWindow, TooFewReplicasDropNothing) {
    Bench bench;
    OwnedBatch batch = three_samples();
    batch.replicated_ticket(0, 3, 3);
    bench.submit(batch);
    bench.send(Begin::all);
    bench.reply("ooon");
    ASSERT_EQ(bench.ledger.finals.size(), 1u);
    EXPECT_GT(batch->settled.tickets_replicated_from, 2u);
    EXPECT_EQ(batch->settled.delivered, 3u);
    EXPECT_EQ(batch->settled.tickets_dropped, 0u);
    for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(batch->outcome(i), CommandOutcome::delivered) << i;
    EXPECT_EQ(bench.window.waits_short_count(), 1u);
}

TEST(DeliveryWindow, KeptCommandsAreTriedAgainWithoutAWait) {
    Bench bench;
    OwnedBatch batch = three_samples();
    batch.replicated_ticket(1, 2, 2);
    bench.submit(batch);
    bench.send(Begin::all);
    bench.reply("bobw");
    EXPECT_EQ(bench.ledger.ticket_settlements.size(), 1u);
    EXPECT_EQ(batch->settled.tickets_replicated_from, 0u);
    EXPECT_EQ(batch->settled.tickets_dropped, 1u);
    EXPECT_EQ(bench.send(Begin::front_only), resp({"XADD", "t", "*", "device_id", "d", "sequence", "0"}));
    bench.reply("o");
    EXPECT_EQ(bench.ledger.finals.size(), 1u);
    EXPECT_TRUE(bench.ledger.conserved());
}

TEST(DeliveryWindow, AWaitTellsOnlyOfWhatItsConnectionSent) {
    Bench bench;
    OwnedBatch batch = three_samples();
    batch.replicated_ticket(0, 1, 1).replicated_ticket(1, 2, 2);
    bench.submit(batch);
    bench.send(Begin::all);
    bench.reply("o");
    bench.window.connection_lost(5);
    EXPECT_TRUE(bench.send(Begin::all).ends_with(wait_command));
    bench.reply("oow");
    ASSERT_EQ(bench.ledger.finals.size(), 1u);
    EXPECT_EQ(batch->settled.tickets_replicated_from, 1u) << "the first ticket's sample went over the lost connection";
}

TEST(DeliveryWindow, AWaitThatIsCutOffIsNotAskedAgain) {
    Bench bench;
    OwnedBatch batch = three_samples();
    batch.replicated_ticket(0, 3, 3);
    OwnedBatch next = three_samples();
    bench.submit(batch);
    bench.submit(next);
    const std::string sent = bench.send(Begin::all);
    bench.reply("ooo");
    bench.window.connection_lost(5);
    ASSERT_EQ(bench.ledger.finals.size(), 1u);
    EXPECT_GT(batch->settled.tickets_replicated_from, 2u);
    EXPECT_EQ(batch->settled.delivered, 3u);
    EXPECT_EQ(batch->settled.replied_ns, 5u);
    EXPECT_EQ(bench.send(Begin::all), std::string(next->bytes().begin(), next->bytes().end()));
    bench.reply("ooo");
    EXPECT_TRUE(bench.window.empty());
}

// What stands between them on a connection that others share would be answered in the WAIT's place.
TEST(DeliveryWindow, ABatchAndItsWaitAreGatheredTogether) {
    Bench bench;
    OwnedBatch waiting = three_samples(), other = three_samples();
    waiting.replicated_ticket(0, 3, 3);
    bench.submit(waiting);
    bench.submit(other);
    std::array<iovec, 3> pieces;
    EXPECT_EQ(bench.window.gather(std::span(pieces).first(1), Begin::all), 0u) << "no room for both";
    ASSERT_EQ(bench.window.gather(pieces, Begin::all), 3u);
    EXPECT_FALSE(bench.window.is_partly_sent());
    for (const std::size_t bytes : {std::size_t{1}, waiting->bytes().size() - 1, wait_command.size() - 1}) {
        bench.window.sent(bytes);
        EXPECT_TRUE(bench.window.is_partly_sent()) << "also where the WAIT alone is left";
        EXPECT_EQ(bench.window.replies_due_count(), 4u) << "the WAIT's too";
    }
    ASSERT_EQ(bench.window.gather(std::span(pieces).first(1), Begin::none), 1u);
    EXPECT_EQ(pieces[0].iov_len, 1u);
    bench.window.sent(1);
    EXPECT_FALSE(bench.window.is_partly_sent());
    bench.reply("ooow");
    EXPECT_EQ(bench.window.replies_due_count(), 0u);
}

TEST(DeliveryWindow, RepliesThatAreNotDueAreRefused) {
    Bench bench;
    EXPECT_FALSE(bench.window.reply_ok(1));
    OwnedBatch batch = three_samples();
    bench.submit(batch);
    EXPECT_FALSE(bench.window.reply_error(CommandOutcome::busy, 1)) << "nothing was sent";
    bench.window.sent(batch->bytes().size() - 1);
    bench.reply("oo");
    EXPECT_FALSE(bench.window.reply_ok(1)) << "the last command was not sent to its end";
    EXPECT_EQ(bench.figures.replies_ok, 2u);
}

TEST(ErrorClass, TellsBusyFromRefused) {
    using sinks::redis::outcome_of_error;
    for (const char* text :
         {"OOM command not allowed", "LOADING Redis is loading", "MISCONF x", "READONLY You can't write",
          "NOREPLICAS x", "CLUSTERDOWN x", "BUSY x", "TRYAGAIN x", "MASTERDOWN x", "LOADING"}) {
        EXPECT_EQ(outcome_of_error(text), CommandOutcome::busy) << text;
    }
    for (const char* text : {"WRONGTYPE Operation", "NOAUTH x", "NOPERM x", "ERR unknown command", "BUSYGROUP x", "",
                             "oom", " OOM", "MOVED 1 a:1"}) {
        EXPECT_EQ(outcome_of_error(text), CommandOutcome::refused) << text;
    }
    EXPECT_EQ(sinks::redis::printable("a\x01\xff\n b"), "a??? b");
    EXPECT_EQ(sinks::redis::printable(std::string(500, 'x')).size(), 203u);
}

// --- a random server ---------------------------------------------------------------------------------

// What must hold for a sample, whatever the server does.
struct SampleFate {
    bool ticketed = false;
    bool replicated = false;        // a WAIT of the connection that it was executed on covers it
    bool confirmed = false;         // its good reply was read
    std::uint32_t stored_count = 0; // times the server executed it
    std::uint32_t chances_to_double = 0;  // connections lost after it was executed, before its reply was read
};

class RandomServer {
  public:
    explicit RandomServer(std::uint64_t seed) : random_(seed) {}

    void run(std::uint32_t batches_count) {
        std::uint32_t made_count = 0;
        while (made_count < batches_count || !bench_.window.empty()) {
            if (made_count < batches_count && bench_.window.has_room() && chance(30)) submit_one(), ++made_count;
            const bool calm = made_count == batches_count && ++calm_steps_ > 2000;  // in the end all goes well
            step(calm);
        }
        check();
    }

  private:
    // `*5 … id` of a sample, up to the id: further on stands another command's.
    static constexpr std::size_t first_command_bytes_max = 40;

    [[nodiscard]] bool chance(unsigned percent) { return random_() % 100 < percent; }
    [[nodiscard]] std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }

    void submit_one() {
        OwnedBatch& batch = batches_.emplace_back(8192);
        const std::size_t count = 1 + below(20);
        const std::size_t first_id = fates_.size();
        for (std::size_t i = 0; i < count; ++i) {
            batch.add(resp({"XADD", "t", "*", "id", std::to_string(fates_.size())}));
            fates_.emplace_back();
        }
        for (std::size_t at = 0; at < count;) {
            const std::size_t length = std::min(count - at, 1 + below(5));
            if (chance(50)) {
                const auto first = static_cast<std::uint32_t>(at);
                const auto commands_count = static_cast<std::uint32_t>(length);
                if (chance(30)) batch.replicated_ticket(first, commands_count, commands_count);
                else batch.ticket(first, commands_count);
                for (std::size_t i = 0; i < length; ++i) fates_[first_id + at + i].ticketed = true;
            }
            at += length;
        }
        first_ids_.push_back(first_id);
        bench_.submit(batch);
    }

    void step(bool calm) {
        send();
        while (!wire_.empty() && chance(70)) execute_one(calm);
        while (!replies_.empty() && chance(70)) read_reply();
        if (!calm && chance(3)) lose_connection();
    }

    void send() {
        Begin begin = Begin::all;
        if (bench_.window.is_stalled()) begin = bench_.window.awaits_replies() ? Begin::none : Begin::front_only;
        std::array<iovec, DeliveryWindow::pieces_count_max> pieces;
        const std::size_t count = bench_.window.gather(pieces, begin);
        std::string bytes;
        for (std::size_t i = 0; i < count; ++i) bytes.append(static_cast<char*>(pieces[i].iov_base), pieces[i].iov_len);
        bytes.resize(below(bytes.size() + 1));  // the socket takes a part
        bench_.window.sent(bytes.size());
        wire_ += bytes;
    }

    void execute_one(bool calm) {
        if (wire_.starts_with(wait_command)) {
            wire_.erase(0, wait_command.size());
            const bool holds = calm || chance(80);
            for (const std::size_t id : executed_here_) fates_[id].replicated |= holds;
            replies_.push_back({0, holds ? 'w' : 'n'});
            return;
        }
        const std::string_view tail = "\r\n";
        const std::size_t id_at = wire_.find("id\r\n$");
        if (id_at == std::string::npos || id_at > first_command_bytes_max) return;
        const std::size_t digits_at = wire_.find("\r\n", id_at + 4) + tail.size();
        const std::size_t end = digits_at == 1 ? std::string::npos : wire_.find(tail, digits_at);
        if (digits_at == 1 || end == std::string::npos) return;  // not all of it has come
        std::size_t id = 0;
        std::from_chars(wire_.data() + digits_at, wire_.data() + end, id);
        wire_.erase(0, end + tail.size());
        const bool fails = !calm && chance(10);
        const bool busy = chance(50);
        EXPECT_FALSE(fates_[id].confirmed) << "sample " << id << " was sent again after its good reply";
        if (!fails) ++fates_[id].stored_count, executed_here_.push_back(id);
        replies_.push_back({id, fails ? (busy ? 'b' : 'r') : 'o'});
    }

    void read_reply() {
        const auto [id, outcome] = replies_.front();
        replies_.pop_front();
        if (outcome == 'o') fates_[id].confirmed = true;
        bench_.reply(std::string_view(&outcome, 1));
    }

    void lose_connection() {
        for (const auto& [id, outcome] : replies_) fates_[id].chances_to_double += outcome == 'o';
        wire_.clear();
        replies_.clear();
        executed_here_.clear();
        bench_.window.connection_lost(7);
    }

    void check() {
        EXPECT_EQ(bench_.ledger.finals.size(), batches_.size());
        EXPECT_TRUE(bench_.ledger.conserved());
        std::uint64_t not_confirmed_count = 0;
        for (std::size_t id = 0; id < fates_.size(); ++id) {
            const SampleFate& fate = fates_[id];
            EXPECT_TRUE(fate.confirmed || fate.ticketed) << "queued sample " << id << " was lost";
            EXPECT_LE(fate.stored_count, 1 + fate.chances_to_double) << "sample " << id;
            not_confirmed_count += !fate.confirmed;
        }
        EXPECT_EQ(bench_.ledger.dropped_samples, not_confirmed_count);
        for (std::size_t i = 0; i < batches_.size(); ++i) check_replicated(*batches_[i], first_ids_[i]);
    }

    void check_replicated(const Batch& batch, std::size_t first_id) {
        for (const BatchTicket& ticket : batch.tickets()) {
            if (!ticket.options.wants_replicas) continue;
            const bool holds = ticket.first_command >= batch.settled.tickets_replicated_from;
            ++(holds ? replicated_tickets_count : other_tickets_count);
            for (std::uint32_t i = ticket.first_command; holds && i < ticket.first_command + ticket.command_count;
                 ++i) {
                if (batch.outcome(i) != CommandOutcome::delivered) continue;
                EXPECT_TRUE(fates_[first_id + i].replicated) << "sample " << first_id + i;
            }
        }
    }

    std::mt19937_64 random_;
    Bench bench_;
    std::deque<OwnedBatch> batches_;
    std::vector<SampleFate> fates_;
    std::string wire_;  // sent, not executed
    std::deque<std::pair<std::size_t, char>> replies_;  // executed, reply not read
    std::vector<std::size_t> first_ids_;      // of each batch's samples
    std::vector<std::size_t> executed_here_;  // ids, over this connection
    std::uint32_t calm_steps_ = 0;

  public:
    // Tickets that asked for replicas and were told that they have them, or not.
    std::uint64_t replicated_tickets_count = 0;
    std::uint64_t other_tickets_count = 0;
};

TEST(DeliveryWindowRandom, NoQueuedSampleIsLostNoConfirmedOneSentAgainAndNoneCalledReplicatedThatIsNot) {
    const std::uint64_t seed = test_seed();
    SCOPED_TRACE(seed_trace(seed));
    std::uint64_t replicated_count = 0;
    std::uint64_t other_count = 0;
    for (std::uint64_t round = 0; round < 20; ++round) {
        RandomServer server(seed + round);
        server.run(100);
        replicated_count += server.replicated_tickets_count;
        other_count += server.other_tickets_count;
    }
    EXPECT_GT(replicated_count, 100u);
    EXPECT_GT(other_count, 100u);
}

}  // namespace
}  // namespace sluice::tests
