// Reactor: one pinned thread that owns a core's share of the engine: listener, ring, connections, decoder, batches
// and counters. Reactors share nothing on the way of a sample; what others want of one is posted to its mailbox.
//
// One iteration: wait → take settled batches in, and decide the answers that waited for them → read requests, decode
// them into batches → hand batches over → send all answers.
#pragma once

#include <cstdint>
#include <expected>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "engine/admin/admin_port.hpp"
#include "engine/admin/reactor_port.hpp"
#include "engine/admin/readiness.hpp"
#include "engine/admin/snapshot.hpp"
#include "engine/batching/batcher.hpp"
#include "engine/config/config.hpp"
#include "engine/core/clock.hpp"
#include "engine/dead_letters/outbox.hpp"
#include "engine/delivery/completion_inbox.hpp"
#include "engine/delivery/sink_thread.hpp"
#include "engine/ingest/access.hpp"
#include "engine/ingest/access_failures.hpp"
#include "engine/ingest/admin_guard.hpp"
#include "engine/ingest/engine_state.hpp"
#include "engine/ingest/gate.hpp"
#include "engine/ingest/influx_pages.hpp"
#include "engine/ingest/ingest.hpp"
#include "engine/log/log.hpp"
#include "engine/runtime/live_settings.hpp"
#include "engine/server/address_connections.hpp"
#include "engine/server/client_addresses.hpp"
#include "engine/server/mailbox.hpp"
#include "engine/server/refusal_log.hpp"
#include "engine/server/server.hpp"
#include "engine/tenants/failures.hpp"
#include "engine/tenants/sha256.hpp"
#include "engine/tenants/tenant_quotas.hpp"
#include "engine/tenants/tenant_table.hpp"
#include "sinks/encoder.hpp"

namespace sluice {

class Reactor final : public ReactorPort, private http::Application, private Server::Callbacks {
  public:
    // What other threads own or share. All of it outlives the reactor's thread.
    struct Wiring {
        const EngineState& state;
        const Readiness& readiness;
        AdminPort* admin = nullptr;  // null: admin endpoints are not served here
        IdempotencyTable* idempotency = nullptr;  // null: idempotency.keys_max is 0
        std::shared_ptr<const tenants::TenantTable> tenants{};  // null: everybody may send
        std::optional<tenants::Digest> admin_token{};           // nothing: the admin pages need none
        tenants::Failures* failures = nullptr;                  // never null
        tenants::SharedQuotas* quotas = nullptr;                // never null where there are tenants
        dead_letters::Outbox* letters = nullptr;                // likewise
        AddressConnections* connections = nullptr;              // null: an address may have any number
        tenants::AddressQuotas* address_quotas = nullptr;       // null: addresses have no quota
    };

    // `index`: of its core in config.cores; its batches carry it (Batch::reactor_index()). `config` outlives it.
    Reactor(const config::Config& config, std::uint16_t index, const Wiring& wiring);
    ~Reactor();
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;

    // Before start(): where batches go.
    void connect(SinkThread& sink);
    // Starts the thread and waits until its loop is made. It listens to nothing yet.
    // Main thread, once. After an error the thread has ended.
    // `tls`: for its listeners that speak it.
    [[nodiscard]] std::expected<void, io::LoopError> open(const TlsSettings& tls = {});
    // Returns when it listens. Main thread, once, after open().
    void listen(std::vector<Listener> listeners);
    void join();
    [[nodiscard]] std::uint64_t locked_bytes() const { return server_.locked_bytes(); }

    // --- any thread --------------------------------------------------------------------------------
    // Runs `task` on the reactor's thread, soon.
    [[nodiscard]] bool post(Mailbox::Task task) override;
    // A sink's thread: a batch of this reactor is settled.
    // The batch is the reactor's again with Settlement::final.
    void settle(Batch& batch, Settlement settlement);
    // Uses `settings` from its next iteration on. False: its mailbox is full.
    [[nodiscard]] bool apply(std::shared_ptr<const LiveSettings> settings);
    // From here on connections end with their next answer.
    void begin_lame_duck();
    // Stop accepting, answer and deliver what is there, then end the thread.
    void begin_drain();
    // End the thread now, whatever is undelivered.
    void stop();
    [[nodiscard]] bool has_ended() const override { return has_ended_.load(std::memory_order_acquire); }

    // After join(): counts what the sinks settled since.
    void take_last_completions() { take_completions(); }

    // --- the reactor's thread (post()), or another once it has ended --------------------------------------
    void fill(Snapshot& snapshot) override;
    void reset_counters() override;
    [[nodiscard]] const std::string& mode() const { return server_.mode(); }

  private:
    http::Decision on_request(const http::Request& request, RequestRef ref, http::Response& response) override;
    bool refuses_head(const http::Request& request, http::Response& response) override;
    void on_refused(Refusal reason, Slot slot, const http::Request* request, http::Response& response) override;
    void on_body_lost(RequestRef ref) override;
    void on_connection_gone(Slot slot) override;
    void on_overdue(RequestRef ref, http::Response& response) override;
    void on_responses_sent(std::uint32_t count, IngestFormat format, std::uint64_t received_ns,
                           std::uint64_t ready_ns) override;
    void take_completions() override;
    [[nodiscard]] bool is_to_stop() override;
    void read_bodies() override;
    void hand_over(std::uint64_t now_ns) override;

    [[nodiscard]] http::Decision answer_page(AdminPage page, RequestRef ref, http::Response& response);
    [[nodiscard]] std::optional<Denied> refusal_of_page(const Gate::Passage& passage, const http::Request& request);
    [[nodiscard]] bool ask_admin(AdminPage page, RequestRef ref);
    void fill_page(const AdminAnswer& answer, http::Response& response);
    void answer_influx(InfluxPage page, const http::Request& request, http::Response& response);
    void refuse(const Gate::Refused& refused, Slot slot, const http::Request* request, http::Response& response);
    [[nodiscard]] bool may_sleep();
    void order(Mailbox::Task task);
    void pin();
    void run(const TlsSettings& tls, std::promise<std::expected<void, io::LoopError>>& opened);
    void loop();
    void answer_who_waits();
    void log_accept_pauses();
    [[nodiscard]] bool is_drained() const;

    const Wiring wiring_;
    const unsigned core_;
    const std::int64_t started_ns_ = unix_ns();  // since 1970
    const std::uint16_t index_;
    std::unique_ptr<sinks::Encoder> encoder_;
    BatchPool pool_;
    std::unique_ptr<Batcher> batcher_;
    std::unique_ptr<Admission> admission_;
    std::unique_ptr<Access> access_;  // null: everybody may send
    std::optional<AddressMeter> meter_;  // nothing: addresses have no quota
    std::unique_ptr<Gate> gate_;
    std::unique_ptr<Ingest> ingest_;
    const config::Config& config_;
    CompletionInbox inbox_;
    Mailbox mailbox_;
    Server server_;
    ClientAddresses clients_;
    RefusalLog refusal_log_{server_, clients_};
    AccessFailures access_failures_;
    AdminGuard admin_guard_;
    std::thread thread_;
    log::RateLimited accept_log_;
    std::uint64_t accept_pauses_seen_count_ = 0;
    std::uint64_t settings_generation_ = 0;  // of those in use
    // Both are set by orders, so on the reactor's thread, which alone reads them.
    bool is_draining_ = false;
    bool is_stopping_ = false;
    std::atomic<bool> has_ended_{false};  // run() stores, release; pairs with has_ended()
};

}  // namespace sluice
