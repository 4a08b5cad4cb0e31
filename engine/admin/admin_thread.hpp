// AdminThread: serves the admin listener and those for scrapers, and answers admin requests that arrived at a data
// listener.
//
// A server like a reactor's, with a small ring of its own, on a thread that is not pinned: a slow scrape delays no
// sample.
#pragma once

#include <expected>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "engine/admin/admin_port.hpp"
#include "engine/admin/admin_service.hpp"
#include "engine/ingest/access_failures.hpp"
#include "engine/ingest/admin_guard.hpp"
#include "engine/server/mailbox.hpp"
#include "engine/server/refusal_log.hpp"
#include "engine/server/server.hpp"
#include "engine/tenants/failures.hpp"

namespace sluice {

class AdminThread final : public AdminPort, private http::Application, private Server::Callbacks {
  public:
    // `token`: of the token that the pages need; nothing: they need none. `service` and `failures` outlive the thread.
    AdminThread(const config::Config& config, AdminService& service, const std::optional<tenants::Digest>& token,
                tenants::Failures& failures);
    ~AdminThread();
    AdminThread(const AdminThread&) = delete;
    AdminThread& operator=(const AdminThread&) = delete;

    // Main thread, once. Starts the thread and waits until its loop is made.
    // `tls`: for its listeners, if they speak it.
    [[nodiscard]] std::expected<void, io::LoopError> open(const TlsSettings& tls = {});
    // Main thread, once, after open(). Returns when it serves. Without listeners: the data listeners forward requests
    // (ask()).
    void listen(std::vector<Listener> listeners);
    [[nodiscard]] std::uint64_t locked_bytes() const { return server_.locked_bytes(); }
    // Any thread, after open(): the context for new connections, and the names of tenants. Null: it has none of them.
    // False: its mailbox is full.
    [[nodiscard]] bool apply(std::shared_ptr<const tls::Context> context,
                             std::shared_ptr<const tenants::TenantTable> tenants);
    // Any thread but its own. From here on connections end with their next answer.
    void begin_lame_duck();
    // Any thread but its own. Accepts who waits to be accepted, answers what has arrived, and ends the thread: when all
    // connections have ended, or `patience_ns` have passed and a moment in which clients are told.
    void stop_and_join(std::uint64_t patience_ns);

    // Any thread. Calls `on_answer` on the admin thread.
    [[nodiscard]] bool ask(AdminPage page, OnAnswer on_answer) override;

  private:
    http::Decision on_request(const http::Request& request, RequestRef ref, http::Response& response) override;
    bool refuses_head(const http::Request& request, http::Response& response) override;
    [[nodiscard]] bool refuses_page(const http::Request& request, AdminPage page, http::Response& response);
    void deny(const Denied& denied, const http::Request& request, http::Response& response);
    void on_refused(Refusal reason, Slot slot, const http::Request* request, http::Response& response) override;
    // Nothing to do: each request is answered at once, so no body is kept and no request is overdue. There are no
    // batches, and the latency of admin requests is not measured.
    void on_body_lost(RequestRef) override {}
    void on_overdue(RequestRef, http::Response&) override {}
    void on_responses_sent(std::uint32_t, IngestFormat, std::uint64_t, std::uint64_t) override {}
    void take_completions() override {}
    [[nodiscard]] bool is_to_stop() override;
    void hand_over(std::uint64_t) override {}
    void loop();
    void turn(std::uint64_t deadline_ns);
    void end();

    AdminService& service_;
    const std::uint64_t retry_after_s_;
    http::Router router_;
    Server server_;
    ClientAddresses clients_{[this](Slot slot) { return server_.peer_of(slot); }};
    RefusalLog refusal_log_{server_, clients_};
    AccessFailures access_failures_;
    AdminGuard guard_;
    Mailbox mailbox_;
    std::thread thread_;
    // The admin thread alone reads and writes them, in loop() and in a task: no atomics.
    bool is_stopping_ = false;
    std::uint64_t end_patience_ns_ = 0;
};

}  // namespace sluice
