// Batcher: requests as transactions over several lanes, tickets, the pipeline, and what it does when batches run out.
// runs: release asan tsan
#include "engine/batching/batcher.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/batcher_bench.hpp"
#include "tests/support/seed.hpp"

namespace sluice {
namespace {

using tests::CountingSink;
using tests::samples_per_batch;
using Setup = tests::BatcherSetup;
using Bench = tests::BatcherBench;
using Texts = std::vector<std::string>;
using Devices = std::vector<std::string>;

// --- transactions ----------------------------------------------------------------------------------------------------

TEST(Batcher, RequestsShareABatch) {
    Bench bench({});
    EXPECT_TRUE(bench.add({"d0", "d1"}));
    EXPECT_TRUE(bench.add({"d0"}));
    EXPECT_EQ(bench.batcher->waiting_samples_count(), 3u);
    EXPECT_TRUE(bench.batcher->has_waiting());
    EXPECT_EQ(bench.hand_over_texts(), Texts{"d0:0;d1:1;d0:2;"});
    EXPECT_EQ(bench.batcher->waiting_samples_count(), 0u);
    EXPECT_FALSE(bench.batcher->has_waiting());
    EXPECT_EQ(bench.batcher->in_flight_count(), 1u);
    EXPECT_TRUE(bench.hand_over().empty());
}

TEST(Batcher, ARequestFillsSeveralBatchesInOrder) {
    Bench bench({});
    EXPECT_TRUE(bench.add({"d0"}));
    EXPECT_TRUE(bench.add(Devices(9, "d1"), 7));
    EXPECT_EQ(bench.tickets_count, 3u);
    const std::vector<Batch*> batches = bench.hand_over();
    ASSERT_EQ(batches.size(), 3u);
    const std::uint32_t expected[][3]{{1, 3, 3}, {0, 4, 4}, {0, 2, 2}};  // first command, commands, samples
    for (std::size_t i = 0; i < 3; ++i) {
        ASSERT_EQ(batches[i]->tickets().size(), 1u);
        const BatchTicket& ticket = batches[i]->tickets()[0];
        EXPECT_EQ(ticket.request.index, 7u);
        EXPECT_EQ(ticket.first_command, expected[i][0]);
        EXPECT_EQ(ticket.command_count, expected[i][1]);
        EXPECT_EQ(ticket.sample_count, expected[i][2]);
        EXPECT_EQ(batches[i]->handed_over_count, batches[i]->sample_count());
    }
    EXPECT_EQ(Bench::text_of(*batches[1]), "d1:4;d1:5;d1:6;d1:7;");
}

// A request whose samples all went into fresh batches has no ticket in the full one before.
TEST(Batcher, NoTicketWhereNothingWentIn) {
    Bench bench({});
    EXPECT_TRUE(bench.add(Devices(4, "d0"), 1));
    EXPECT_TRUE(bench.add({"d0"}, 2));
    EXPECT_EQ(bench.tickets_count, 1u);
    const std::vector<Batch*> batches = bench.hand_over();
    ASSERT_EQ(batches.size(), 2u);
    ASSERT_EQ(batches[0]->tickets().size(), 1u);
    EXPECT_EQ(batches[0]->tickets()[0].request.index, 1u);
    ASSERT_EQ(batches[1]->tickets().size(), 1u);
    EXPECT_EQ(batches[1]->tickets()[0].request.index, 2u);
}

TEST(Batcher, APackedBatchIsOneCommandForAll) {
    Bench bench({.is_packed = true});
    EXPECT_TRUE(bench.add({"d0", "d0"}, 1));
    EXPECT_TRUE(bench.add({"d0"}, 2));
    const std::vector<Batch*> batches = bench.hand_over();
    ASSERT_EQ(batches.size(), 1u);
    EXPECT_EQ(batches[0]->command_count(), 1u);
    ASSERT_EQ(batches[0]->tickets().size(), 2u);
    const std::uint32_t samples[]{2, 1};
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(batches[0]->tickets()[i].first_command, 0u);
        EXPECT_EQ(batches[0]->tickets()[i].command_count, 1u);
        EXPECT_EQ(batches[0]->tickets()[i].sample_count, samples[i]);
    }
}

// Rolled back from within the open batch, over full ones, on lanes with and without an open batch.
TEST(Batcher, RollingBackLeavesNoTrace) {
    for (const Devices& devices :
         {Devices{}, Devices{"d0"}, Devices(9, "d0"), Devices{"d1"}, Devices(9, "d1"), Devices{"d0", "d1", "d2", "d0"},
          Devices{"d0", "d0", "d0", "d0", "d1", "d1", "d1", "d1", "d1", "d2"}}) {
        Bench bench({.lanes_count = 3});
        EXPECT_TRUE(bench.add({"d0", "d0"}, 1));
        EXPECT_TRUE(bench.add(devices, 2, true));
        EXPECT_EQ(bench.batcher->waiting_samples_count(), 2u);
        EXPECT_EQ(bench.pool.in_use_count(), 1u);
        EXPECT_TRUE(bench.add({"d0"}, 3));
        const std::vector<Batch*> batches = bench.hand_over();
        ASSERT_EQ(batches.size(), 1u);
        EXPECT_EQ(batches[0]->sample_count(), 3u);
        EXPECT_EQ(Bench::text_of(*batches[0]).substr(0, 10), "d0:0;d0:1;");
        ASSERT_EQ(batches[0]->tickets().size(), 2u);
        EXPECT_EQ(batches[0]->tickets()[1].request.index, 3u);
        EXPECT_EQ(batches[0]->tickets()[1].first_command, 2u);
    }
}

TEST(Batcher, ARequestThatDoesNotFitThePoolIsRefusedWhole) {
    Bench bench({.lanes_count = 2, .batches_count = 3});
    EXPECT_TRUE(bench.add({"d0", "d0"}, 1));
    EXPECT_FALSE(bench.add(Devices(11, "d0"), 2)) << "two more fit into the open batch, and eight into two others";
    EXPECT_FALSE(bench.add({"d0", "d0", "d0", "d1", "d1", "d1", "d1", "d1"}, 3))
        << "the fourth batch fails on the other lane";
    EXPECT_EQ(bench.pool.in_use_count(), 1u);
    EXPECT_EQ(bench.batcher->waiting_samples_count(), 2u);
    EXPECT_TRUE(bench.add(Devices(10, "d0"), 4));
    EXPECT_EQ(bench.tickets_count, 3u);
    for (Batch* batch : bench.hand_over()) bench.batcher->settled(*batch);
    EXPECT_EQ(bench.pool.in_use_count(), 0u);
}

// --- tickets ---------------------------------------------------------------------------------------------------------

// The real bound, with a batch large enough in samples: packed requests without samples of their own would need none.
TEST(Batcher, ABatchWithoutRoomForATicketIsClosed) {
    class WideEncoder final : public sinks::Encoder {
      public:
        [[nodiscard]] std::uint32_t lane_count() const override { return 1; }
        [[nodiscard]] std::uint32_t lane_of(const Sample&) const override { return 0; }
        [[nodiscard]] bool append(Batch& batch, const Sample&) override {
            batch.commit(1, 1, 1);
            return true;
        }
        void seal(Batch&) override {}
    } encoder;
    std::atomic<std::size_t> submitted{0};
    SinkThread sink(std::make_unique<CountingSink>(submitted), 1, 8);
    BatchPool pool(8, limits::batch_arena_bytes_min, 0);
    Batcher batcher(encoder, pool, sink.producer(0), {.pipeline_depth = 8});
    for (std::uint32_t i = 0; i <= limits::batch_tickets_count_max; ++i) {
        ASSERT_TRUE(batcher.at_once().append(Sample{}, 1));
        EXPECT_EQ(batcher.at_once().commit(RequestRef{i, 0}), 1u);
    }
    std::vector<std::size_t> tickets;
    batcher.hand_over(1, [&](const Batch& batch) { tickets.push_back(batch.tickets().size()); });
    EXPECT_EQ(tickets, (std::vector<std::size_t>{limits::batch_tickets_count_max, 1}));
}

TEST(Batcher, MayHaveRoomUntilEveryBatchIsInUse) {
    Bench bench({.batches_count = 1});
    EXPECT_TRUE(bench.batcher->may_have_room(1ull << 40)) << "a batch is free: decoding will show";
    EXPECT_TRUE(bench.add({"d0"}));
    EXPECT_TRUE(bench.batcher->may_have_room(1000));
    EXPECT_FALSE(bench.batcher->may_have_room(limits::batch_arena_bytes_min));
    Batch* const batch = bench.hand_over().front();
    EXPECT_FALSE(bench.batcher->may_have_room(1)) << "it is under way";
    EXPECT_TRUE(bench.batcher->may_have_room(0)) << "of a body whose size is not known";
    bench.batcher->settled(*batch);
    EXPECT_TRUE(bench.batcher->may_have_room(1ull << 40));
}

// --- the pipeline ----------------------------------------------------------------------------------------------------

TEST(Batcher, FullBatchesGoAtOnceAndAnOpenOneWhenThePipelineHasRoom) {
    Bench bench({.pipeline_depth = 2});
    EXPECT_TRUE(bench.add(Devices(3 * samples_per_batch + 1, "d0")));
    std::vector<Batch*> batches = bench.hand_over();
    ASSERT_EQ(batches.size(), 3u);
    EXPECT_TRUE(bench.batcher->has_waiting());
    EXPECT_TRUE(bench.hand_over().empty());
    EXPECT_TRUE(bench.add({"d0"}));  // an open batch goes on filling while it waits
    bench.batcher->settled(*batches[0]);
    EXPECT_TRUE(bench.hand_over().empty());
    bench.batcher->settled(*batches[1]);
    EXPECT_EQ(bench.hand_over_texts(), Texts{"d0:12;d0:13;"});
    EXPECT_EQ(bench.batcher->waiting_samples_count(), 0u);
}

// Batches of these tests are opened at 1 ns, so they linger until 11 ns.
TEST(Batcher, WhatNobodyWaitsForLingersWhileManyRequestsCome) {
    Bench bench({.lanes_count = 2, .linger_ns = 10});
    const auto add_many = [&bench](std::optional<std::uint32_t> ref = {}) {
        for (std::uint32_t i = 0; i < Batcher::busy_requests_count; ++i)
            EXPECT_TRUE(bench.add({i % 2 == 0 ? "d0" : "d1"}, ref));
    };
    add_many();
    EXPECT_TRUE(bench.hand_over(2).empty());
    EXPECT_EQ(bench.batcher->deadline_ns(), 11u);
    EXPECT_EQ(bench.hand_over(3).size(), 2u) << "no more requests came";
    EXPECT_EQ(bench.batcher->deadline_ns(), 0u);
    add_many();
    EXPECT_EQ(bench.hand_over(11).size(), 2u) << "it is time";
    add_many(7);
    EXPECT_EQ(bench.hand_over(2).size(), 2u) << "somebody waits";
    EXPECT_TRUE(bench.add(Devices(samples_per_batch + 1, "d0")));
    add_many();
    EXPECT_EQ(bench.hand_over(2).size(), 1u) << "a full batch goes";
}

// --- a transaction apart ---------------------------------------------------------------------------------------------

Sample sample_of(const std::string& device, const std::string& value) {
    Sample sample;
    sample.device_id = device;
    sample.value = value;
    return sample;
}

TEST(Batcher, ATransactionApartIsNotSeenBeforeItsCommit) {
    Bench bench({});
    Batcher::Transaction& apart = bench.batcher->apart();
    for (const char* value : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(apart.append(sample_of("d0", value), 1));
    EXPECT_EQ(bench.batcher->waiting_samples_count(), 0u);
    EXPECT_FALSE(bench.batcher->has_waiting());
    EXPECT_TRUE(bench.add({"d0"}));
    EXPECT_EQ(bench.hand_over_texts(), Texts{"d0:0;"});
    EXPECT_TRUE(bench.add({"d0"}));
    EXPECT_EQ(apart.commit(RequestRef{7, 0}), 2u);
    EXPECT_EQ(bench.batcher->waiting_samples_count(), 6u);
    EXPECT_EQ(bench.hand_over_texts(), (Texts{"d0:1;", "d0:a;d0:b;d0:c;d0:d;", "d0:e;"}))
        << "what was committed meanwhile comes first";
}

TEST(Batcher, ATransactionApartGivesItsBatchesBack) {
    Bench bench({.batches_count = 3});
    EXPECT_TRUE(bench.add({"d0"}));
    Batcher::Transaction& apart = bench.batcher->apart();
    int appended_count = 0;
    while (apart.append(sample_of("d0", "a"), 1)) ++appended_count;
    EXPECT_EQ(appended_count, 2 * static_cast<int>(samples_per_batch));
    EXPECT_TRUE(bench.add({"d0"})) << "the open batch has room";
    apart.roll_back();
    EXPECT_TRUE(apart.is_empty());
    EXPECT_EQ(bench.pool.in_use_count(), 1u);
    EXPECT_EQ(bench.hand_over_texts(), Texts{"d0:0;d0:1;"});
}

// A server that is away holds what was handed over to it; lanes to others go on.
TEST(Batcher, AnIndependentLaneHasAPlaceBesideAFullPipeline) {
    Bench bench({.lanes_count = 3, .pipeline_depth = 1, .is_cluster = true});
    EXPECT_TRUE(bench.add({"d0"}));
    const std::vector<Batch*> stuck = bench.hand_over();
    EXPECT_EQ(stuck.size(), 1u);
    EXPECT_TRUE(bench.add({"d0", "d1", "d2"}));
    EXPECT_EQ(bench.hand_over_texts(), (Texts{"d1:2;", "d2:3;"})) << "d0's next waits behind its first";
    bench.batcher->settled(*stuck[0]);
    EXPECT_EQ(bench.hand_over_texts(), Texts{"d0:1;"});
}

// A lane that is never empty must not take every place in the pipeline: whether its turn leaves it empty (one sample a
// round), or with more (five).
TEST(Batcher, LanesOfOneSinkTakeTurns) {
    constexpr std::uint32_t lanes_count = 4;
    // Samples of a lane in each round, and how often the lane is served in all of them: 24 rounds share one place in
    // the pipeline, and a full batch goes beside it.
    for (const auto& [samples_count, served_count] : {std::pair{1u, 6}, std::pair{5u, 29}}) {
        Bench bench({.lanes_count = lanes_count, .pipeline_depth = 1, .batches_count = 200});
        std::map<std::uint32_t, int> served;
        for (int round = 0; round < 24; ++round) {
            for (const char* device : {"d0", "d1", "d2", "d3"}) EXPECT_TRUE(bench.add(Devices(samples_count, device)));
            for (Batch* batch : bench.hand_over()) {
                ++served[batch->lane];
                bench.batcher->settled(*batch);
            }
        }
        for (std::uint32_t lane = 0; lane < lanes_count; ++lane)
            EXPECT_EQ(served[lane], served_count) << samples_count << ", lane " << lane;
    }
}

// --- at random -------------------------------------------------------------------------------------------------------

// Committed samples leave in the order of their device, each once, within batches whose tickets cover what their
// request put in; rolled back ones never; and the books are right after each step.
class AtRandom {
  public:
    AtRandom(std::uint64_t seed, const Setup& setup) : setup_(setup), random_(seed), bench_(setup) {}

    void run() {
        for (std::uint32_t step = 0; step < 5000 && !testing::Test::HasFatalFailure(); ++step) {
            const std::uint64_t what = below(8);
            go_on_apart(step);
            if (what < 4) {
                request(step);
            } else if (what < 6) {
                hand_over();
            } else if (!in_flight_.empty()) {
                settle_first();
            }
            check_books(step);
        }
        bench_.batcher->apart().roll_back();
        EXPECT_GT(refused_count_, 0) << "the pool was never empty";
        while (!testing::Test::HasFatalFailure() && (bench_.batcher->has_waiting() || !in_flight_.empty())) {
            while (!in_flight_.empty()) settle_first();
            hand_over();
        }
        for (const auto& [device, queue] : expected_)
            EXPECT_TRUE(queue.empty()) << "device " << device << " lost samples";
        for (const auto& [request, samples] : tickets_outstanding_)
            EXPECT_EQ(samples, 0u) << "request " << request << " waits for ever";
        EXPECT_EQ(bench_.pool.in_use_count(), 0u);
    }

  private:
    [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

    // A sample of any device. Keeps in `texts` what it will look like; false: there is no batch for it.
    [[nodiscard]] bool append(Batcher::Transaction& transaction, std::uint32_t step, Texts& texts) {
        const std::string device = "d" + std::to_string(below(6));
        const std::string value = std::to_string(next_value_++);
        texts.push_back(device + ":" + value + ";");
        return transaction.append(sample_of(device, value), step);
    }

    void expect(const Texts& texts) {
        for (const std::string& text : texts) expected_[text[1]].push_back(text);
        waiting_ += texts.size();
    }

    // A long request goes on beside the others, and ends now and then.
    void go_on_apart(std::uint32_t step) {
        Batcher::Transaction& apart = bench_.batcher->apart();
        const bool is_whole = below(2) != 0 || append(apart, step, apart_texts_);
        if (is_whole && below(16) != 0) return;
        if (!is_whole || below(3) == 0) {
            apart.roll_back();
        } else {
            const std::uint32_t ref = 1'000'000 + step;
            const std::uint32_t tickets = apart.commit(RequestRef{ref, 0});
            ASSERT_EQ(tickets != 0, !apart_texts_.empty());
            ++apart_commits_count_;
            if (tickets != 0) tickets_outstanding_[ref] = static_cast<std::uint32_t>(apart_texts_.size());
            expect(apart_texts_);
        }
        apart_texts_.clear();
    }

    void request(std::uint32_t step) {
        Batcher::Transaction& at_once = bench_.batcher->at_once();
        Texts texts;
        bool is_whole = true;
        for (std::uint64_t left = 1 + below(14); left-- > 0 && is_whole;) is_whole = append(at_once, step, texts);
        refused_count_ += is_whole ? 0 : 1;
        if (!is_whole || below(4) == 0) {
            at_once.roll_back();
            return;
        }
        const bool is_stored = below(2) == 0;
        const std::uint32_t tickets = at_once.commit(is_stored ? std::optional(RequestRef{step, 0}) : std::nullopt);
        ASSERT_EQ(tickets != 0, is_stored);
        if (is_stored) tickets_outstanding_[step] = static_cast<std::uint32_t>(texts.size());
        expect(texts);
    }

    void hand_over() {
        for (Batch* batch : bench_.hand_over()) {
            check(*batch);
            waiting_ -= batch->handed_over_count;
            in_flight_.push_back(batch);
        }
    }

    void settle_first() {
        bench_.batcher->settled(*in_flight_.front());
        in_flight_.pop_front();
    }

    void check(Batch& batch) {
        ASSERT_EQ(batch.command_count(), setup_.is_packed ? 1 : batch.sample_count());
        std::string text = Bench::text_of(batch);
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = text.find(';', at);
            auto& queue = expected_[text[at + 1]];
            ASSERT_FALSE(queue.empty());
            ASSERT_EQ(queue.front(), text.substr(at, end - at + 1));
            queue.pop_front();
            at = end + 1;
        }
        std::uint32_t command = 0;
        for (const BatchTicket& ticket : batch.tickets()) {
            ASSERT_GE(ticket.first_command, setup_.is_packed ? 0 : command) << "tickets overlap";
            command = ticket.first_command + ticket.command_count;
            ASSERT_LE(command, batch.command_count());
            ASSERT_GT(ticket.sample_count, 0u);
            ASSERT_GE(tickets_outstanding_[ticket.request.index], ticket.sample_count);
            tickets_outstanding_[ticket.request.index] -= ticket.sample_count;
        }
    }

    void check_books(std::uint32_t step) const {
        ASSERT_EQ(bench_.batcher->waiting_samples_count(), waiting_) << "step " << step;
        ASSERT_EQ(bench_.batcher->in_flight_count(), in_flight_.size()) << "step " << step;
        const auto is_partial = [](const Batch* batch) { return batch->handed_over_count < samples_per_batch; };
        const std::uint32_t more = setup_.is_cluster ? setup_.lanes_count : 0;  // each has a place of its own
        // A commit of the long request sends what is open before it, full or not.
        const std::uint32_t pushed_ahead = apart_commits_count_ * setup_.lanes_count;
        ASSERT_LE(std::count_if(in_flight_.begin(), in_flight_.end(), is_partial),
                  setup_.pipeline_depth + more + pushed_ahead);
    }

    const Setup setup_;
    std::mt19937_64 random_;
    Bench bench_;
    std::map<char, std::deque<std::string>> expected_;  // by device
    std::map<std::uint32_t, std::uint32_t> tickets_outstanding_;  // by request: samples
    std::deque<Batch*> in_flight_;
    std::uint64_t waiting_ = 0;
    int next_value_ = 0;
    int refused_count_ = 0;
    std::uint32_t apart_commits_count_ = 0;
    Texts apart_texts_;
};

TEST(Batcher, ConservesSamplesAndTheirOrder) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::cout << tests::seed_trace(seed) << "\n";
    for (const bool is_packed : {false, true}) {
        AtRandom(seed, {.lanes_count = 1, .pipeline_depth = 2, .batches_count = 8, .is_packed = is_packed}).run();
        AtRandom(seed, {.lanes_count = 4, .pipeline_depth = 2, .batches_count = 10, .is_packed = is_packed}).run();
        AtRandom(seed, {.lanes_count = 6, .pipeline_depth = 3, .batches_count = 12, .is_packed = is_packed}).run();
        AtRandom(
            seed,
            {.lanes_count = 6, .pipeline_depth = 3, .batches_count = 24, .is_packed = is_packed, .is_cluster = true})
            .run();
    }
}

}  // namespace
}  // namespace sluice
