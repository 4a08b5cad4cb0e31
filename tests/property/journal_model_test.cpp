// The journal against a simple model: random appends, commits, crashes, power losses, failing disks, full disks,
// flipped bits, deliveries and restarts over a simulated disk. The model is a list of texts; the journal must hold
// every one that was confirmed and not delivered, once, in order, and none that was never appended.
// runs: release asan
#include <gtest/gtest.h>

#include <map>

#include "sinks/journal/delivered.hpp"
#include "sinks/journal/log.hpp"
#include "sinks/journal/reader.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/simulated_disk.hpp"

namespace sluice::sinks::journal {
namespace {

using tests::SimulatedDisk;

enum class Fate : std::uint8_t {
    confirmed,  // must be there
    undecided,  // appended, not confirmed: may be there
    damaged,  // was confirmed, then hit by a flipped bit: may be gone
    delivered,  // may be removed
};

class Model {
  public:
    explicit Model(std::uint64_t seed) : random_(seed), disk_(seed + 1) { open(); }

    void step() {
        switch (random_() % 20) {
            case 0: restart([&] { disk_.revive(); }); break;
            case 1: restart([&] { disk_.revive_after_power_loss(); }); break;
            case 2: shut_down_and_open(); break;
            case 3: disk_.writes_until_failure = random_() % 4; break;
            case 4: disk_.syncs_until_failure = random_() % 6; break;
            case 5: disk_.capacity_bytes = random_() % 3 == 0 ? disk_.used_bytes() : ~std::uint64_t{0}; break;
            case 6: deliver_some(); break;
            case 7: flip_a_bit(); break;
            case 9: disk_.truncates_until_failure = random_() % 4; break;
            case 10: damage_delivered(); break;
            case 11: damage_a_header(); break;
            case 8: append_group(); break;  // left uncommitted
            default: append_and_commit(); break;
        }
        if (random_() % 4 == 0) check();
    }

    void check() {
        Reader reader(disk_, {});
        std::map<std::uint64_t, unsigned> seen;
        std::uint64_t last = 0;
        for (;;) {
            const auto step = reader.next();
            ASSERT_TRUE(step);
            if (*step == Reader::Step::end) break;
            if (*step == Reader::Step::gap) continue;
            const std::uint64_t id = id_of(reader.record().text);
            ASSERT_TRUE(fates_.contains(id)) << "never appended: " << id;
            ASSERT_EQ(reader.record().text, text_of(id));
            ASSERT_EQ(reader.record().timestamp_ns, static_cast<std::int64_t>(id));
            ASSERT_GT(id, last) << "out of order";
            last = id;
            ++seen[id];
        }
        for (const auto& [id, fate] : fates_) {
            if (fate != Fate::confirmed) continue;
            ASSERT_EQ(seen[id], 1u) << "confirmed, and lost: " << id << " of " << fates_.size();
        }
    }

    [[nodiscard]] std::size_t confirmed_count() const { return confirmed_total_; }

  private:
    static constexpr LogSettings settings{.segment_bytes = 16'384, .total_bytes_max = 5 * 16'384};

    // Ids of five digits, then as many bytes as the id decides.
    static std::string text_of(std::uint64_t id) {
        std::string text = std::to_string(100'000 + id);
        text.append(id * 7919 % 1500, static_cast<char>('a' + id % 26));
        return text;
    }
    static std::uint64_t id_of(std::string_view text) { return std::stoull(std::string(text.substr(0, 6))) - 100'000; }

    void open() {
        std::vector<std::string> notes;
        // The disk may refuse; an operator would mend it and start again.
        for (int attempt = 0; attempt < 10; ++attempt) {
            auto log = Log::open(disk_, settings, notes);
            if (log) {
                log_ = std::move(*log);
                return;
            }
            disk_.writes_until_failure.reset();
            disk_.syncs_until_failure.reset();
            disk_.truncates_until_failure.reset();
        }
        FAIL() << "the journal does not open";
    }

    void restart(const std::function<void()>& revive) {
        if (random_() % 2 == 0) append_group();
        disk_.die();
        log_.reset();
        uncommitted_.clear();
        revive();
        open();
    }
    void shut_down_and_open() {
        log_.reset();
        uncommitted_.clear();
        open();
    }

    bool append_group() {
        const std::size_t count = 1 + random_() % 6;
        std::string records;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t id = next_id_++;
            const std::string text = text_of(id);
            const std::size_t begin = records.size();
            records.resize(begin + record_bytes(text.size()));
            write_record(records.data() + begin, static_cast<std::int64_t>(id), text);
            fates_[id] = Fate::undecided;
            uncommitted_.push_back(id);
        }
        const auto appended = log_->append(records);
        if (!appended) uncommitted_.clear();
        return appended.has_value();
    }
    void append_and_commit() {
        if (!append_group()) return;
        if (log_->commit()) {
            for (const std::uint64_t id : uncommitted_)
                if (fates_[id] == Fate::undecided)
                    fates_[id] = Fate::confirmed;  // a reader may have delivered it before
            confirmed_total_ += uncommitted_.size();
        }
        uncommitted_.clear();
    }

    void deliver_some() {
        const auto from = read_delivered(disk_);
        if (!from) return;
        Reader reader(disk_, from->value_or(Position{}));
        std::vector<std::uint64_t> ids;
        for (std::size_t left = random_() % 40; left > 0; --left) {
            const auto step = reader.next();
            ASSERT_TRUE(step);
            if (*step == Reader::Step::end) break;
            if (*step == Reader::Step::record) ids.push_back(id_of(reader.record().text));
        }
        if (ids.empty()) return;
        static_cast<void>(write_delivered(disk_, reader.position()));
        // An error leaves open which position the disk has: both are right about what was read.
        for (auto& [id, fate] : fates_) {
            if (id <= ids.back()) fate = Fate::delivered;
        }
    }

    // In a record that was confirmed: all others must stay readable, and the damage must be reported.
    void flip_a_bit() {
        Reader reader(disk_, {});
        std::vector<std::pair<std::uint64_t, Position>> confirmed;
        for (;;) {
            const auto step = reader.next();
            ASSERT_TRUE(step);
            if (*step == Reader::Step::end) break;
            if (*step != Reader::Step::record) continue;
            const std::uint64_t id = id_of(reader.record().text);
            if (fates_.at(id) == Fate::confirmed) confirmed.emplace_back(id, reader.record_position());
        }
        if (confirmed.size() < 2) return;
        const std::size_t chosen = random_() % (confirmed.size() - 1);
        const auto& [id, position] = confirmed[chosen];
        // The last one of a segment whose end nobody tells (its writer was killed, or the successor's header is
        // damaged) would be a torn tail.
        if (confirmed[chosen + 1].second.segment != position.segment && !is_end_known(position.segment)) return;
        const std::uint64_t bytes = sizeof(RecordHeader) + text_of(id).size();
        disk_.flip_bit(segment_name(position.segment), position.offset + random_() % bytes, random_() % 8);
        fates_[id] = Fate::damaged;
        expect_gap_at(position);
    }

    // One slot of the two: the position before is as good.
    void damage_delivered() {
        const auto file = disk_.open(delivered_name, Access::read);
        if (!file) return;
        const std::uint64_t offset = random_() % 2 * 4096 + random_() % 40;
        if (offset >= (*file)->size().value()) return;
        disk_.flip_bit(delivered_name, offset, random_() % 8);
        if (read_delivered(disk_)) return;
        // Both by now: an operator would remove it, and all that is there would be delivered again.
        ASSERT_TRUE(disk_.remove(delivered_name));
    }

    // Costs no record. Not of the last segment: what it says of its predecessor is told by nobody else.
    void damage_a_header() {
        const auto segments = list_segments(disk_);
        ASSERT_TRUE(segments);
        if (segments->size() < 3) return;
        const Segment& segment = (*segments)[random_() % (segments->size() - 2)];
        if (segment.bytes < segment_header_bytes) return;
        disk_.flip_bit(segment_name(segment.sequence), random_() % segment_header_bytes, random_() % 8);
    }

    bool is_end_known(std::uint64_t sequence) {
        const auto segments = list_segments(disk_);
        const auto segment = std::ranges::find(*segments, sequence, &Segment::sequence);
        return segment != segments->end() && segment->end.has_value();
    }

    void expect_gap_at(const Position& position) {
        Reader reader(disk_, {});
        for (;;) {
            const auto step = reader.next();
            ASSERT_TRUE(step);
            ASSERT_NE(*step, Reader::Step::end) << "the damage was not reported";
            if (*step == Reader::Step::gap && reader.gap_position() <= position && reader.position() > position) return;
        }
    }

    std::mt19937_64 random_;
    SimulatedDisk disk_;
    std::unique_ptr<Log> log_;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, Fate> fates_;
    std::vector<std::uint64_t> uncommitted_;
    std::size_t confirmed_total_ = 0;
};

TEST(JournalModel, HoldsWhatItConfirmedWhateverHappens) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::size_t confirmed_count = 0;
    for (std::uint64_t round = 0; round < 40; ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        Model model(seed + 1000 * round);
        for (int i = 0; i < 150 && !testing::Test::HasFatalFailure(); ++i) model.step();
        if (!testing::Test::HasFatalFailure()) model.check();
        if (testing::Test::HasFatalFailure()) return;
        confirmed_count += model.confirmed_count();
    }
    EXPECT_GT(confirmed_count, 1000u) << "the test hardly wrote anything";
}

}  // namespace
}  // namespace sluice::sinks::journal
