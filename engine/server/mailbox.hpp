// Mailbox: work that other threads ask a server's thread to do. For the cold path (status, drain, start, stop): it
// takes a lock and allocates. What is posted runs on the owner's thread, in order.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace sluice {

class Mailbox {
  public:
    using Task = std::function<void()>;

    // Any thread. The caller wakes the owner.
    void post(Task task) {
        const std::scoped_lock lock(mutex_);
        tasks_.push_back(std::move(task));
        has_tasks_.store(true, std::memory_order_release);
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
    std::mutex mutex_;
    std::vector<Task> tasks_;
    // post() stores true, run_all() false, both under the lock; the loads without it pair with post()'s store.
    std::atomic<bool> has_tasks_{false};
};

}  // namespace sluice
