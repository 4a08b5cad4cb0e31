// LiveSettings: what a running engine can take anew, as one snapshot that does not change. A reload makes the next
// one, with the next generation; each thread gets it by a message and uses it from its next iteration on, all of it or
// nothing. Publisher: brings it to the threads, again and again where a mailbox is full. The main thread's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/tenants/tenant_table.hpp"
#include "engine/tls/context.hpp"

namespace sluice {

struct LiveSettings {
    std::uint64_t generation = 0;  // of the start: 0
    std::shared_ptr<const tls::Context> tls;  // null: no listener speaks TLS
    std::shared_ptr<const tenants::TenantTable> tenants;  // null: everybody may send
};

class Publisher {
  public:
    // Posts it to a thread. False: its mailbox is full.
    using Post = std::function<bool(std::shared_ptr<const LiveSettings>)>;

    void add(Post post) { threads_.push_back({std::move(post), true}); }
    void publish(std::shared_ptr<const LiveSettings> settings) {
        settings_ = std::move(settings);
        for (Thread& thread : threads_) thread.has_it = false;
        go_on();
    }
    // Tries those that have not got it.
    void go_on() {
        for (Thread& thread : threads_)
            if (!thread.has_it) thread.has_it = thread.post(settings_);
    }
    [[nodiscard]] bool is_done() const {
        for (const Thread& thread : threads_)
            if (!thread.has_it) return false;
        return true;
    }

  private:
    struct Thread {
        Post post;
        bool has_it;
    };
    std::vector<Thread> threads_;
    std::shared_ptr<const LiveSettings> settings_;
};

}  // namespace sluice
