// Published: the context in use and how reloads went, for who looks at them. The main thread publishes; any thread
// reads, under a lock. Connections have the context from their server instead.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "engine/tls/context.hpp"

namespace sluice::tls {

class Published {
  public:
    void publish(std::shared_ptr<const Context> context) {
        const std::scoped_lock lock(mutex_);
        context_ = std::move(context);
    }
    // Null: no TLS.
    [[nodiscard]] std::shared_ptr<const Context> context() const {
        const std::scoped_lock lock(mutex_);
        return context_;
    }

    // Relaxed: each figure stands for itself.
    std::atomic<std::uint64_t> reloads_count{0};
    std::atomic<std::uint64_t> failed_reloads_count{0};

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Context> context_;
};

}  // namespace sluice::tls
