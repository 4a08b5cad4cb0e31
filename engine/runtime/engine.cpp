#include "engine/runtime/engine.hpp"

#include <pthread.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "engine/admin/snapshot_collector.hpp"
#include "engine/config/addresses.hpp"
#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/random_seed.hpp"
#include "engine/core/thread_limit.hpp"
#include "engine/delivery/dead_letter_clients.hpp"
#include "engine/delivery/journal_directory.hpp"
#include "engine/delivery/sink_factory.hpp"
#include "engine/log/log.hpp"
#include "engine/runtime/redis_remarks.hpp"
#include "engine/runtime/watch_settings.hpp"
#include "engine/server/backend_choice.hpp"
#include "engine/watch/setup_remarks.hpp"

namespace sluice {
namespace {

std::unique_ptr<AddressConnections> make_address_connections(const config::Config& config) {
    const auto count_max = static_cast<std::uint32_t>(config.http.connections_per_address_count_max);
    return count_max == 0 ? nullptr : std::make_unique<AddressConnections>(count_max, random_seed());
}

std::unique_ptr<tenants::AddressQuotas> make_address_quotas(const config::Config& config) {
    const auto& bounds = config.quota.address;
    if (!bounds.is_bounded()) return nullptr;
    const tenants::QuotaSettings quota{.samples_per_s = static_cast<double>(bounds.samples_per_s),
                                       .bytes_per_s = static_cast<double>(bounds.body_bytes_per_s),
                                       .requests_per_s = static_cast<double>(bounds.requests_per_s)};
    return std::make_unique<tenants::AddressQuotas>(quota, random_seed());
}

}  // namespace

Engine::Engine(config::Config config, AccessFiles access)
    : config_(std::move(config)),
      is_backend_automatic_(config_.io.backend == config::IoBackend::automatic),
      admin_token_(access.admin_token),
      failures_(std::make_unique<tenants::Failures>(random_seed())),
      quotas_(access.tenants == nullptr ? nullptr : std::make_unique<tenants::SharedQuotas>()),
      connections_(make_address_connections(config_)),
      address_quotas_(make_address_quotas(config_)),
      letters_(quotas_ == nullptr ? nullptr
                                  : std::make_unique<dead_letters::DeadLetters>(dead_letter_clients(config_),
                                                                                config_.cores.size(), state_.reloads)),
      tenants_(config_, std::move(access.tenants), state_.reloads) {
    // Before the parts: those that make event loops ask for the backend when they are constructed.
    resolve_backend(config_);
    make_parts();
}

Engine::~Engine() {
    want_end();
    if (ender_.joinable()) ender_.join();
    end_threads();
}

// Constructs and wires. No thread starts, and no file or socket is opened, before start().
// Again where no loop could be made on io_uring: see open_loops().
void Engine::make_parts() {
    if (!config_.journal.directory.empty()) {
        forwarder_ = std::make_unique<forward::Forwarder>(config_);
        forwarder_->use_tenants(tenants_.table());
    }
    if (config_.idempotency.keys_count_max != 0)
        idempotency_ = std::make_unique<IdempotencyTable>(
            IdempotencySettings{config_.idempotency.keys_count_max, config_.idempotency.window_ns, random_seed()});
    sink_ = std::make_unique<SinkThread>(make_sink(config_, port_, forwarder_.get()), config_.cores.size(),
                                         config_.batch.count);
    readiness_ = std::make_unique<Readiness>(state_, *sink_);
    admin_service_ =
        std::make_unique<AdminService>(config_, state_, *readiness_, *sink_, forwarder_.get(), idempotency_.get());
    admin_ = std::make_unique<AdminThread>(config_, *admin_service_, admin_token_, *failures_);
    if (const auto settings = watcher_settings(config_))
        watcher_ = std::make_unique<watch::Watcher>(*settings, state_.gauges);
    for (std::size_t i = 0; i < config_.cores.size(); ++i) {
        const Reactor::Wiring wiring{.state = state_,
                                     .readiness = *readiness_,
                                     .admin = listeners_.is_admin_shared() ? admin_.get() : nullptr,
                                     .idempotency = idempotency_.get(),
                                     .tenants = tenants_.table(),
                                     .admin_token = admin_token_,
                                     .failures = failures_.get(),
                                     .quotas = quotas_.get(),
                                     .letters = letters_ == nullptr ? nullptr : &letters_->outbox(i),
                                     .connections = connections_.get(),
                                     .address_quotas = address_quotas_.get()};
        reactors_.push_back(std::make_unique<Reactor>(config_, static_cast<std::uint16_t>(i), wiring));
        reactors_.back()->connect(*sink_);
    }
    admin_service_->connect(reactor_ports(), tls_.is_on() ? &tls_.published() : nullptr);
    if (tenants_.is_on()) admin_service_->use_tenants(tenants_.table());
}

std::vector<ReactorPort*> Engine::reactor_ports() const {
    std::vector<ReactorPort*> ports;
    for (const auto& reactor : reactors_) ports.push_back(reactor.get());
    return ports;
}

// Nothing listens and no file is open yet: the parts hold nothing that would be lost.
void Engine::remake_parts() {
    end_threads();
    admin_.reset();
    admin_service_.reset();
    readiness_.reset();
    reactors_.clear();
    sink_.reset();
    forwarder_.reset();
    idempotency_.reset();
    watcher_.reset();
    make_parts();
}

// Order. The loops first: whether this machine has what they need is known only when all of them are there. Then the
// sink: nobody can connect to an engine whose journal cannot be opened. The reactors serve before the sink's thread
// runs: what they hand over waits in its queue. The admin listener last, so that /status finds all parts.
std::expected<void, Engine::StartError> Engine::start() {
    CHECK(!was_started_);
    was_started_ = true;
    try {
        return start_parts();
    } catch (const std::system_error& error) {  // of std::thread
        return std::unexpected(StartError{no_thread_sentence(error), false});
    }
}

std::expected<void, Engine::StartError> Engine::start_parts() {
    // First of all: what was accepted can be taken down in order also where no thread can be made any more.
    ender_ = std::thread([this] { await_end(); });
    if (auto loaded = load_tls(); !loaded) return loaded;
    if (auto opened = open_loops(); !opened) return opened;
    if (auto opened = open_sink(); !opened) return opened;
    if (auto started = start_reactors(); !started) return started;
    sink_->start();
    if (forwarder_ != nullptr) forwarder_->start();
    if (watcher_ != nullptr) watcher_->start();
    if (letters_ != nullptr) letters_->start();
    if (auto started = start_admin(); !started) return started;
    tenants_.note_start();
    add_subscribers();
    log_listening();
    return {};
}

std::expected<void, Engine::StartError> Engine::load_tls() {
    if (!tls_.is_on()) return {};
    if (auto loaded = tls_.load(); !loaded) return std::unexpected(StartError{loaded.error(), false});
    return {};
}

// Each of them all or nothing: what is wrong with one keeps no other back.
void Engine::reload() {
    const bool has_certificates = tls_.is_on() && tls_.reload(unix_ns() / 1'000'000'000, "SIGHUP");
    const bool has_tenants = tenants_.is_on() && tenants_.reload("SIGHUP");
    if (has_certificates || has_tenants) publish();
}

void Engine::publish() {
    const std::uint64_t generation = 1 + state_.settings_generation.fetch_add(1, std::memory_order_relaxed);
    publisher_.publish(
        std::make_shared<const LiveSettings>(LiveSettings{generation, tls_.context(), tenants_.table()}));
}

std::uint64_t Engine::keep_house() {
    constexpr std::uint64_t retry_interval_ns = 10'000'000;
    const std::uint64_t now_ns = monotonic_ns();
    const bool has_certificates = tls_.look(now_ns, unix_ns() / 1'000'000'000);
    const bool has_tenants = tenants_.look(now_ns);
    if (has_certificates || has_tenants) publish();
    publisher_.go_on();
    if (!publisher_.is_done()) return now_ns + retry_interval_ns;
    const std::uint64_t tls_ns = tls_.next_ns(), tenants_ns = tenants_.next_ns();
    return tls_ns == 0 || tenants_ns == 0 ? std::max(tls_ns, tenants_ns) : std::min(tls_ns, tenants_ns);
}

// `auto` means epoll where io_uring works, but not for all loops of this engine: all of them are on the same.
std::expected<void, Engine::StartError> Engine::open_loops() {
    auto opened = try_loops();
    const bool is_on_uring = config_.io.backend == config::IoBackend::io_uring;
    if (!opened && is_backend_automatic_ && is_on_uring && opened.error().is_unavailable) {
        std::uint64_t needed_bytes = admin_->locked_bytes();
        for (const auto& reactor : reactors_) needed_bytes += reactor->locked_bytes();
        fall_back_to_epoll(config_, opened.error(), needed_bytes);
        remake_parts();
        opened = try_loops();
    }
    if (!opened) return std::unexpected(StartError{opened.error().sentence, opened.error().is_unavailable});
    return {};
}

std::expected<void, io::LoopError> Engine::try_loops() {
    const TlsSettings tls{tls_.context(), config_.tls.handshake_timeout_ns};
    for (auto& reactor : reactors_)
        if (auto opened = reactor->open(tls); !opened) return opened;
    return admin_->open(config_.admin.is_tls ? tls : TlsSettings{});
}

// The parts are the last ones now: see open_loops().
void Engine::add_subscribers() {
    for (auto& reactor : reactors_)
        publisher_.add([&reactor](const std::shared_ptr<const LiveSettings>& settings) {
            return reactor->has_ended() || reactor->apply(settings);
        });
    if (forwarder_ != nullptr)
        publisher_.add([this](const std::shared_ptr<const LiveSettings>& settings) {
            forwarder_->use_tenants(settings->tenants);
            return true;
        });
    publisher_.add([this](const std::shared_ptr<const LiveSettings>& settings) {
        return admin_->apply(config_.admin.is_tls ? settings->tls : nullptr, settings->tenants);
    });
}

std::expected<void, Engine::StartError> Engine::open_sink() {
    if (const auto made = make_journal_directory(config_); !made)
        return std::unexpected(StartError{made.error(), false});
    const auto notes = sink_->open();
    if (!notes) return std::unexpected(StartError{notes.error(), false});
    for (const std::string& note : *notes) log::warn("sink_recovered", {{"what", note}});
    // After the sink: opening the journal tells the forwarder how far the journal is confirmed (on_confirmed()).
    if (forwarder_ == nullptr) return {};
    if (auto opened = forwarder_->open(); !opened) return std::unexpected(StartError{opened.error(), false});
    return {};
}

// One after the other: listen() returns when the loop listens. The first reactors serve while the others start.
std::expected<void, Engine::StartError> Engine::start_reactors() {
    if (auto claimed = listeners_.claim_data(); !claimed) return std::unexpected(StartError{claimed.error(), false});
    for (auto& reactor : reactors_) {
        auto listeners = listeners_.open_data();
        if (!listeners) return std::unexpected(StartError{listeners.error(), false});
        reactor->listen(std::move(*listeners));
    }
    return {};
}

std::expected<void, Engine::StartError> Engine::start_admin() {
    auto listeners = listeners_.open_admin();
    if (!listeners) return std::unexpected(StartError{listeners.error(), false});
    admin_->listen(std::move(*listeners));
    return {};
}

// Addresses have the ports that the kernel chose: Listeners wrote them into config_. All reactors have the same mode,
// and it does not change once the loop is open.
void Engine::log_listening() const {
    std::string cores;
    for (const unsigned core : config_.cores) cores += (cores.empty() ? "" : ",") + std::to_string(core);
    std::string addresses;
    for (const config::ListenAddress& address : config_.listen)
        addresses += (addresses.empty() ? "" : ",") + config::format_numeric(address);
    log_open_addresses();
    log_tls();
    log_metrics_listeners();
    log_open_listeners();
    log::info("listening", {{"listen", addresses},
                            {"admin", config::format_numeric(config_.admin.listen)},
                            {"cores", cores},
                            {"sink", config_.sink.url.display},
                            {"ack", name_of(config_.ack)},
                            {"backend", io::name_of(backend_of(config_))},
                            {"io", reactors_.front()->mode()},
                            {"version", SLUICE_VERSION}});
    watch::log_setup({.remarks = redis_remarks(config_)});
    const auto& redis = config_.sink.redis;
    const bool has_one_key = redis.partitions_count == 1 || redis.layout == RedisLayout::list;
    if (config_.sink.url.kind == config::SinkKind::redis_cluster && has_one_key)
        log::warn("cluster_of_one", {{"what", "all samples go to one key, so to one primary of the cluster"},
                                     {"key", "sink.redis.partitions"}});
    const bool has_lanes =
        config_.sink.url.kind == config::SinkKind::redis_cluster && !has_one_key && !config_.has_journal();
    // Below two batches for each lane, a lane has one batch of its own or none (Batcher).
    if (has_lanes && config_.batch.count < 2 * redis.partitions_count * (1 + config_.tenants.streams.size()))
        log::warn(
            "few_batches",
            {{"what", "less than two batches a partition: while a primary is away, samples for others may be refused"},
             {"key", "batch.count"}});
}

void Engine::log_tls() const {
    const auto context = tls_.context();
    if (context == nullptr) return;
    std::string addresses;
    for (const config::ListenAddress& address : config_.tls.listen)
        addresses += (addresses.empty() ? "" : ",") + config::format_numeric(address);
    std::string names;
    for (const tls::CertificateInfo& info : context->certificates()) names += (names.empty() ? "" : ",") + info.name;
    log::info("listening_tls", {{"listen", addresses}, {"certificates", names}});
}

void Engine::log_metrics_listeners() const {
    std::string addresses;
    for (const config::ListenAddress& address : config_.admin.metrics_listen)
        addresses += (addresses.empty() ? "" : ",") + config::format_numeric(address);
    if (!addresses.empty()) log::info("listening_for_scrapers", {{"listen", addresses}});
}

// Who listens on every interface should know: the admin listener can pause the engine.
void Engine::log_open_addresses() const {
    std::string open;
    const auto add = [&open](const config::ListenAddress& address, const char* key) {
        if (config::is_every_interface(address))
            open.append(open.empty() ? "" : ", ").append(key).append(" ").append(config::format_numeric(address));
    };
    for (const config::ListenAddress& address : config_.listen) add(address, "listen");
    for (const config::ListenAddress& address : config_.tls.listen) add(address, "tls.listen");
    add(config_.admin.listen, "admin.listen");
    for (const config::ListenAddress& address : config_.admin.metrics_listen) add(address, "admin.metrics_listen");
    if (!open.empty()) log::info("listening_on_all_interfaces", {{"addresses", open}});
}

// What other machines can reach, and nothing guards.
void Engine::log_open_listeners() const {
    const auto warn_of = [](const config::ListenAddress& address, const char* what, const char* key) {
        if (!config::is_loopback(address))
            log::warn("open_listener", {{"listen", config::format_numeric(address)}, {"what", what}, {"key", key}});
    };
    constexpr const char* data = "whoever reaches it may send samples: there are no tenants";
    constexpr const char* admin = "whoever reaches it may stop the engine: the admin pages need no token";
    if (!tenants_.is_on()) {
        for (const config::ListenAddress& address : config_.listen) warn_of(address, data, "tenants.file");
        if (config_.tls.client != config::TlsClient::required)
            for (const config::ListenAddress& address : config_.tls.listen) warn_of(address, data, "tenants.file");
    }
    const bool has_certificates = config_.admin.is_tls && config_.tls.client == config::TlsClient::required;
    if (!admin_token_ && !has_certificates) warn_of(config_.admin.listen, admin, "admin.token_file");
}

void Engine::begin_drain() {
    // First: /ready tells load balancers to leave.
    announce_drain();
    drain_end_ns_ = monotonic_ns() + drain_ns_max();
    admin_->begin_lame_duck();
    if (config_.drain_lame_duck_ns == 0) return stop_accepting();
    log::info("lame_duck", {{"seconds", static_cast<double>(config_.drain_lame_duck_ns) / 1e9}});
    lame_duck_end_ns_ = monotonic_ns() + config_.drain_lame_duck_ns;
    for (auto& reactor : reactors_) reactor->begin_lame_duck();
}

// The files first, so that no client finds a Unix socket from which the reactors stop accepting. A TCP listener is shut
// down by the drain of its reactor.
void Engine::stop_accepting() {
    lame_duck_end_ns_ = 0;
    listeners_.remove_data_files();
    for (auto& reactor : reactors_) reactor->begin_drain();
}

bool Engine::continue_drain() {
    if (lame_duck_end_ns_ != 0 && monotonic_ns() >= lame_duck_end_ns_) stop_accepting();
    for (const auto& reactor : reactors_)
        if (!reactor->has_ended()) return false;
    return true;
}

// Also after a start that failed half way: each part ends only what it has started.
// Runs twice where begin_end() was called: on that thread, and in the destructor. A thread that has ended is passed
// over.
void Engine::end_threads() {
    for (auto& reactor : reactors_) reactor->stop();
    admin_->stop_and_join(admin_patience_ns());  // its answers come from reactors that still run, or time out
    // Joined after the admin thread: that one reads the figures of a reactor which has ended.
    for (auto& reactor : reactors_) reactor->join();
    // Now nobody pushes batches to it any more.
    sink_->stop_and_join();
    if (watcher_ != nullptr) watcher_->stop_and_join();
    if (letters_ != nullptr) letters_->stop_and_join();
    // Last: the journal confirms nothing more. It gets the time of a drain for itself, so with a journal in front of
    // Redis a stop may take twice drain_timeout.
    if (forwarder_ != nullptr) forwarder_->stop_and_join(config_.drain_timeout_ns);
}

// Within the time of the drain. A client that has just connected has a second to ask, and timers are 0.2 s late at
// most.
std::uint64_t Engine::admin_patience_ns() const {
    constexpr std::uint64_t patience_ns_max = 1'200'000'000;
    const std::uint64_t now_ns = monotonic_ns();
    return drain_end_ns_ > now_ns ? std::min(drain_end_ns_ - now_ns, patience_ns_max) : 0;
}

void Engine::begin_end() {
    CHECK(ender_.joinable() && !is_end_wanted_.load(std::memory_order_relaxed));
    listeners_.remove_admin_files();
    want_end();
}

void Engine::want_end() {
    is_end_wanted_.store(true, std::memory_order_release);
    is_end_wanted_.notify_one();
}

void Engine::await_end() {
    ::pthread_setname_np(::pthread_self(), "sluice-end");
    is_end_wanted_.wait(false, std::memory_order_acquire);
    end_threads();
    has_ended_.store(true, std::memory_order_release);
}

// Batches that were settled after a reactor's last iteration are in its inbox. This thread may read it once all threads
// have ended.
Engine::Report Engine::report() {
    if (has_ended())
        for (auto& reactor : reactors_) reactor->take_last_completions();
    SnapshotCollector collector;
    collector.connect(reactor_ports());
    Report report;
    report.is_complete = collector.collect(false);
    for (const auto& snapshot : collector.snapshots()) {
        const SampleCounters samples = total_of(snapshot->samples);
        report.received += samples.received;
        report.accepted += samples.accepted;
        report.delivered += samples.delivered;
        report.rejected += samples.rejected_total();
        report.dropped += samples.dropped_sink_refused;
        report.lost += total_of(snapshot->in_flight_samples);
        report.is_conserved = report.is_conserved && are_conserved(snapshot->samples, snapshot->in_flight_samples);
    }
    tell_journal_apart(report);
    return report;
}

Engine::Report Engine::stop() {
    begin_end();
    ender_.join();
    return report();
}

// What reactors count as delivered is in the journal, where there is one. It is undelivered until Redis has it.
void Engine::tell_journal_apart(Report& report) const {
    report.undelivered = report.lost;
    if (!config_.has_journal()) return;
    report.journaled = std::exchange(report.delivered, 0);
    if (forwarder_ == nullptr) {
        report.undelivered += report.journaled;
        return;
    }
    const forward::Forwarder::View view = forwarder_->view();
    report.delivered = view.delivered_samples_count;
    report.undelivered += view.undelivered_samples_count;
}

}  // namespace sluice
