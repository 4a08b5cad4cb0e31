// Mailbox: work that other threads ask a server's thread to do. For the cold path (status, drain, start, stop): it
// takes a lock and allocates. What is posted runs on the owner's thread, in order. It is bounded, since clients may
// bring posts about.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/core/check.hpp"

namespace sluice {

class Mailbox {
  public:
    using Task = std::function<void()>;

    // Tasks that wait at the same time. Clients cause one for each admin request that a reactor passes on, and one for
    // its answer: this many are in flight at most, a few KiB of memory.
    static constexpr std::size_t tasks_count_max = 256;
    // Room beyond, for the orders of the mailbox's maker: to drain, and to stop.
    static constexpr std::size_t orders_count_max = 5;

    // Any thread. The caller wakes the owner. False: it is full, and `task` will not run.
    [[nodiscard]] bool post(Task task) {
        const std::scoped_lock lock(mutex_);
        if (tasks_.size() >= tasks_count_max) return false;
        add(std::move(task));
        return true;
    }
    // The same for what must not be refused, and is posted a few times in the life of the owner.
    void post_order(Task task) {
        const std::scoped_lock lock(mutex_);
        CHECK(tasks_.size() < tasks_count_max + orders_count_max);
        add(std::move(task));
    }

    // The owner's thread.
    void run_all() {
        if (!has_tasks_.load(std::memory_order_acquire)) return;
        std::vector<Task> tasks;
        {
            const std::scoped_lock lock(mutex_);
            tasks.swap(tasks_);
            has_tasks_.store(false, std::memory_order_relaxed);
        }
        for (const Task& task : tasks) task();
    }

    // True if run_all() would do something: do not sleep.
    [[nodiscard]] bool has_tasks() const { return has_tasks_.load(std::memory_order_acquire); }

  private:
    void add(Task task) {
        tasks_.push_back(std::move(task));
        has_tasks_.store(true, std::memory_order_release);
    }

    std::mutex mutex_;
    std::vector<Task> tasks_;
    // add() stores true, run_all() false, both under the lock; the loads without it pair with add()'s store.
    std::atomic<bool> has_tasks_{false};
};

}  // namespace sluice
