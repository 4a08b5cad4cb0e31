// AdminThread: serves the admin listener, and answers admin requests that arrived at a data listener.
//
// A server like a reactor's, with a small ring of its own, on a thread that is not pinned: a slow scrape delays no
// sample.
#pragma once

#include <expected>
#include <future>
#include <thread>
#include <vector>

#include "engine/admin/admin_port.hpp"
#include "engine/admin/admin_service.hpp"
#include "engine/server/mailbox.hpp"
#include "engine/server/server.hpp"

namespace sluice {

class AdminThread final : public AdminPort, private http::Application, private Server::Callbacks {
  public:
    // `service` outlives the thread.
    AdminThread(const config::Config& config, AdminService& service);
    ~AdminThread();
    AdminThread(const AdminThread&) = delete;
    AdminThread& operator=(const AdminThread&) = delete;

    // Once. Returns when it serves. Without listeners: the data listeners forward requests (ask()).
    [[nodiscard]] std::expected<void, io::LoopError> start(std::vector<Listener> listeners);
    // Any thread but its own. Answers what it has, then ends.
    void stop_and_join();

    // Any thread. Calls `on_answer` on the admin thread.
    [[nodiscard]] bool ask(http::Endpoint endpoint, OnAnswer on_answer) override;

  private:
    bool on_request(const http::Request& request, RequestRef ref, http::Pending& pending) override;
    bool refuses_head(const http::Request& request, http::Reply& reply) override;
    void on_responses_sent(std::uint32_t, std::uint64_t, std::uint64_t) override {}
    void take_completions(std::uint64_t) override {}
    void hand_over(std::uint64_t) override {}
    void loop();

    AdminService& service_;
    Server server_;
    Mailbox mailbox_;
    std::thread thread_;
    bool is_stopping_ = false;
};

}  // namespace sluice
