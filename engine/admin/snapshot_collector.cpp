#include "engine/admin/snapshot_collector.hpp"

#include <algorithm>
#include <utility>

#include "engine/core/check.hpp"

namespace sluice {
namespace {

// How often a reactor that owes an answer is checked for having ended. An answer ends the wait at once.
constexpr std::chrono::milliseconds end_poll_interval{10};

}  // namespace

// Two snapshots for each reactor: one that it fills and one that is shown. collect() swaps them, so no histogram is
// allocated later.
void SnapshotCollector::connect(std::vector<ReactorPort*> reactors) {
    CHECK(reactors_.empty());
    reactors_ = std::move(reactors);
    for (std::size_t i = 0; i < reactors_.size(); ++i) {
        CHECK(reactors_[i] != nullptr);
        requests_.push_back(std::make_shared<Request>());
        snapshots_.push_back(std::make_unique<Snapshot>());
    }
}

// All are asked before any is waited for: they answer side by side, and one deadline is for all. After a failure some
// snapshots are new and others old.
bool SnapshotCollector::collect(bool resets) {
    for (std::size_t i = 0; i < reactors_.size(); ++i) ask(i, resets);
    const auto deadline = std::chrono::steady_clock::now() + patience_;
    for (std::size_t i = 0; i < reactors_.size(); ++i)
        if (!receive(i, resets, deadline)) return false;
    return true;
}

void SnapshotCollector::ask(std::size_t reactor_index, bool resets) {
    Request& request = *requests_[reactor_index];
    // An answer that came late is thrown away: its figures are old. While one is still owed, its task may write to the
    // request, so the reactor is not asked again. That answer then counts for this call, unless this call is to reset
    // and the one that asked was not.
    if (request.is_outstanding && !request.answered.try_acquire()) return;
    ReactorPort& reactor = *reactors_[reactor_index];
    request.resets = resets;
    // `shared` keeps the request alive until the task has run or the mailbox is gone. release() makes what fill() wrote
    // visible to whoever acquires.
    request.is_outstanding = reactor.post([&reactor, resets, shared = requests_[reactor_index]] {
        reactor.fill(shared->snapshot);
        if (resets) reactor.reset_counters();
        shared->answered.release();
    });
}

// A reactor that has ended, as each does in a drain, answers and counts no more: this thread reads its last figures.
bool SnapshotCollector::receive(std::size_t reactor_index, bool resets,
                                std::chrono::steady_clock::time_point deadline) {
    Request& request = *requests_[reactor_index];
    if (!request.is_outstanding && !reactors_[reactor_index]->has_ended()) return false;  // its mailbox is full
    bool has_reset = resets;
    switch (wait_for(reactor_index, deadline)) {
        case Wait::answered:
            std::swap(request.snapshot, *snapshots_[reactor_index]);
            has_reset = request.resets;
            break;
        // has_ended() is an acquire load: all that the reactor's thread has written is seen here.
        case Wait::ended:
            reactors_[reactor_index]->fill(*snapshots_[reactor_index]);
            if (resets) reactors_[reactor_index]->reset_counters();
            break;
        case Wait::timed_out: return false;
    }
    request.is_outstanding = false;
    return has_reset || !resets;
}

SnapshotCollector::Wait SnapshotCollector::wait_for(std::size_t reactor_index,
                                                    std::chrono::steady_clock::time_point deadline) {
    Request& request = *requests_[reactor_index];
    for (;;) {  // ends: at the deadline
        // Read first: an answer that came before the end is in the semaphore by then, and is as good as the end's.
        const bool has_ended = reactors_[reactor_index]->has_ended();
        const auto now = std::chrono::steady_clock::now();
        if (request.answered.try_acquire_until(has_ended ? now : std::min(deadline, now + end_poll_interval)))
            return Wait::answered;
        if (has_ended) return Wait::ended;
        if (now >= deadline) return Wait::timed_out;
    }
}

}  // namespace sluice
