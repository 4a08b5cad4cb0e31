#include "engine/runtime/reactor.hpp"

#include <pthread.h>
#include <sched.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/admin/answer.hpp"
#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/limits.hpp"
#include "engine/delivery/sink_factory.hpp"
#include "engine/ingest/entrance.hpp"
#include "engine/ingest/json_answer.hpp"
#include "engine/io/process_signals.hpp"
#include "engine/log/log.hpp"
#include "engine/runtime/access_files.hpp"
#include "engine/server/backend_choice.hpp"
#include "engine/server/tls_loop.hpp"

namespace sluice {
namespace {

// A deadline in the past; 0 would be none.
constexpr std::uint64_t at_once_ns = 1;

// The configuration's numbers have been checked: they fit the narrower types (engine/config/keys.cpp).
// Whether the address of a request is asked for at each.
bool keeps_peers(const config::Config& config) {
    return !config.proxy.trusted.empty() || config.quota.address.is_bounded();
}

http::CorsOrigins cors_of(const config::Config& config) {
    std::vector<std::string> origins;
    for (const config::Origin& origin : config.http.cors_origins) origins.push_back(origin.text);
    return http::CorsOrigins(std::move(origins));
}

ServerSettings server_settings(const config::Config& config, AddressConnections* connections) {
    ServerSettings settings{};
    settings.http = {config.http.body_bytes_max, config.http.header_timeout_ns, config.http.body_timeout_ns,
                     config.http.idle_timeout_ns, config.http.write_timeout_ns, config.ack_timeout_ns,
                     // The other half is for delivering what came.
                     config.drain_timeout_ns / 2};
    settings.backend = backend_of(config);
    settings.loop.ring_entries_count = static_cast<std::uint32_t>(config.io.ring_entries_count);
    settings.loop.receive_buffer_bytes = static_cast<std::uint32_t>(config.io.receive_buffer_bytes);
    settings.loop.receive_buffers_count = static_cast<std::uint32_t>(config.io.receive_buffers_count);
    settings.loop.padding_bytes = limits::body_padding_bytes;
    settings.loop.slots_count_max = static_cast<std::uint32_t>(config.http.connections_count_max);
    settings.loop.busy_wait_ns = config.io.busy_wait_ns;
    settings.loop.spare_descriptors_count = limits::spare_descriptors_count;
    settings.loop.without_defer_taskrun = config.io.mode == config::IoMode::no_defer_taskrun;
    settings.loop.without_multishot = config.io.mode == config::IoMode::no_multishot;
    settings.loop.without_buffer_ring = config.io.mode == config::IoMode::no_buffer_ring;
    settings.prepared = prepared_json_answers();
    settings.body_memory_bytes = config.http.body_memory_bytes;
    settings.addresses = {.trusted = config.proxy.trusted,
                          .takes_proxy_header = config.proxy.protocol != config::ProxyProtocol::off,
                          .header_timeout_ns = config.http.header_timeout_ns,
                          .connections = connections};
    settings.cors = cors_of(config);
    return settings;
}

Ingest::Settings ingest_settings(const config::Config& config) {
    Ingest::Settings settings{
        .retry_after_s = config.retry_after_s,
        .accept_encoding = {},
        .inflate = {config.http.body_bytes_max, config.http.compression_ratio_max},
        .mapping = config.mapping,
        .policy = sample_policy(config),
        .stream = config.sink.redis.layout == RedisLayout::list ? config.sink.redis.list_key : config.sink.redis.stream,
        .has_429_for_remote_write = config.quota.remote_write_status == config::QuotaStatus::too_many_requests,
        .tells_quotas = config.quota.headers == config::QuotaHeaders::always,
        .cors = cors_of(config)};
    for (const ContentCoding coding : config.http.encodings)
        settings.accept_encoding.append(settings.accept_encoding.empty() ? "" : ", ").append(name_of(coding));
    return settings;
}

ContentCodings codings_of(const config::Config& config) {
    ContentCodings codings;
    for (const ContentCoding coding : config.http.encodings) codings.add(coding);
    return codings;
}

}  // namespace

Reactor::Reactor(const config::Config& config, std::uint16_t index, const Wiring& wiring)
    : wiring_(wiring),
      core_(config.cores[index]),
      index_(index),
      encoder_(make_encoder(config)),
      pool_(config.batch.count, config.batch.arena_bytes, index),
      config_(config),
      inbox_(config.batch.count),
      server_(server_settings(config, wiring.connections), *this, *this),
      clients_([this](Slot slot) { return server_.peer_of(slot); }, config.proxy.trusted,
               keeps_peers(config) ? config.http.connections_count_max : 0,
               [this](Slot slot) { return server_.is_anonymous(slot); }),
      access_failures_(*wiring.failures, clients_),
      admin_guard_(wiring.admin_token, config.admin.origins, access_failures_) {}

Reactor::~Reactor() { join(); }

// The sink's thread does not run yet. `sink` outlives the reactor: the batcher keeps its producer, admission its
// signal.
void Reactor::connect(SinkThread& sink) {
    CHECK(batcher_ == nullptr && !thread_.joinable());
    batcher_ = std::make_unique<Batcher>(
        *encoder_, pool_, sink.producer(index_),
        BatcherSettings{static_cast<std::uint32_t>(config_.batch.pipeline_depth_count), config_.batch.linger_ns});
    admission_ = std::make_unique<Admission>(wiring_.state, sink.sink().signal());
    gate_ = std::make_unique<Gate>(formats(), *admission_, *batcher_, ack_offer(config_), codings_of(config_),
                                   wiring_.idempotency);
    for (const AdminPageRow& row : admin_pages) {
        http::Route route = row.route();
        // Elsewhere these paths are not there (404). A listener of role `admin` is never a reactor's.
        if (!row.is_public) route.listener_roles_mask = http::role_mask(ListenerRole::data_and_admin);
        gate_->add_route(route);
    }
    for (const InfluxPageRow& row : influx_pages) gate_->add_route(row.route(), row.errors_like());
    if (wiring_.tenants != nullptr) {
        access_ = std::make_unique<Access>(wiring_.tenants, *wiring_.quotas, access_failures_,
                                           config_.http.connections_count_max, [this](Slot slot) {
                                               const TlsLoop* const tls = server_.tls();
                                               return tls == nullptr ? nullptr : tls->client_of(slot);
                                           });
        gate_->guard(*access_, influx_page_target(InfluxPage::query));
    }
    ingest_ = std::make_unique<Ingest>(formats(), server_, *admission_, *batcher_, ingest_settings(config_),
                                       wiring_.idempotency, refusal_log_);
    if (access_ != nullptr) ingest_->serve(*access_, *wiring_.letters);
    if (wiring_.address_quotas == nullptr) return;
    meter_.emplace(*wiring_.address_quotas, clients_);
    gate_->meter(*meter_);
    ingest_->meter(*meter_);
}

// --- the thread ----------------------------------------------------------------------------------------------------

std::expected<void, io::LoopError> Reactor::open(const TlsSettings& tls) {
    CHECK(ingest_ != nullptr && !thread_.joinable());
    // After an error the thread has ended, and the destructor joins it.
    std::promise<std::expected<void, io::LoopError>> opened;
    auto result = opened.get_future();
    thread_ = std::thread([this, &opened, &tls] { run(tls, opened); });
    return result.get();
}

void Reactor::listen(std::vector<Listener> listeners) {
    std::promise<void> listens;
    order([&] {
        server_.listen(std::move(listeners));
        listens.set_value();
    });
    listens.get_future().wait();
}

void Reactor::join() {
    if (thread_.joinable()) thread_.join();
}

// Before the loop is made, so that its pages come from the memory next to this core. cpu_set_t has 1024 bits:
// CPU_SET(3) ignores a greater core, and the call fails with EINVAL. A reactor that is not pinned works, too.
void Reactor::pin() {
    // A name of more than 15 characters is refused (pthread_setname_np(3)).
    ::pthread_setname_np(::pthread_self(), ("sluice-" + std::to_string(core_)).substr(0, 15).c_str());
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(core_, &cpus);
    if (::pthread_setaffinity_np(::pthread_self(), sizeof cpus, &cpus) != 0)
        log::warn("reactor_not_pinned", {{"core", core_}});
}

void Reactor::run(const TlsSettings& tls, std::promise<std::expected<void, io::LoopError>>& opened) {
    pin();
    auto result = server_.open({}, tls);
    const bool is_open = result.has_value();
    opened.set_value(std::move(result));  // `opened` and `tls` are gone after this
    if (is_open) loop();
    has_ended_.store(true, std::memory_order_release);
}

void Reactor::loop() {
    while (!is_stopping_ && !(is_draining_ && is_drained())) {
        server_.run_once(may_sleep() ? batcher_->deadline_ns() : at_once_ns);
        inbox_.awake();
        if (server_.loop_counters().accept_pauses != accept_pauses_seen_count_) log_accept_pauses();
    }
    if (is_stopping_) answer_who_waits();
}

// At the end of drain_timeout. Clients that wait for their answer are told that it does not come, if they read it soon.
void Reactor::answer_who_waits() {
    constexpr std::uint64_t grace_ns = 100'000'000;
    server_.give_up();
    server_.run_once(at_once_ns);  // answers leave at the end of an iteration, which nothing else may bring about
    const std::uint64_t end_ns = monotonic_ns() + grace_ns;
    while (server_.has_connections() && monotonic_ns() < end_ns) server_.run_once(end_ns);
}

// inbox_.may_sleep() asks the sink's thread for a wake-up, which costs a system call there. A drain asks, too: it ends
// when the last batch is settled, also one that nobody waits for.
bool Reactor::may_sleep() {
    if (mailbox_.has_tasks() || ingest_->has_bodies_to_read()) return false;
    return (!ingest_->waits_for_completions() && !is_draining_) || inbox_.may_sleep();
}

// Clients bring this about, and may again and again.
void Reactor::log_accept_pauses() {
    const io::LoopCounters& counters = server_.loop_counters();
    accept_pauses_seen_count_ = counters.accept_pauses;
    accept_log_.line(LogLevel::warn, server_.now_ns(), "accept_paused",
                     {{"core", core_},
                      {"reason", "no connection slot or file descriptor is free"},
                      {"connections", counters.open_slots},
                      {"pauses", counters.accept_pauses}});
}

bool Reactor::is_drained() const {
    return server_.is_drained() && batcher_->in_flight_count() == 0 && !batcher_->has_waiting();
}

// The task is in the mailbox before the wake-up: a loop that opens later looks there before it first sleeps.
bool Reactor::post(Mailbox::Task task) {
    const bool was_taken = mailbox_.post(std::move(task));
    server_.wake();
    return was_taken;
}

// To listen, to drain and to stop, which a mailbox full of clients' requests must not keep out. At most five in a
// reactor's life: to listen, a lame duck, a drain, and the engine may stop it twice.
void Reactor::order(Mailbox::Task task) {
    mailbox_.post_order(std::move(task));
    server_.wake();
}

void Reactor::settle(Batch& batch, Settlement settlement) {
    if (inbox_.push({&batch, settlement})) server_.wake();
}

bool Reactor::apply(std::shared_ptr<const LiveSettings> settings) {
    return post([this, settings = std::move(settings)] {
        if (server_.tls() != nullptr) server_.tls()->set_context(settings->tls);
        settings_generation_ = settings->generation;
        if (access_ == nullptr) return;
        if (!has_lane_per_stream(config_)) encoder_->use_streams(settings->tenants->streams());
        access_->use(settings->tenants);
    });
}

void Reactor::begin_lame_duck() {
    order([this] { server_.begin_lame_duck(); });
}

void Reactor::begin_drain() {
    order([this] {
        is_draining_ = true;
        server_.drain();
    });
}

void Reactor::stop() {
    order([this] { is_stopping_ = true; });
}

// --- requests ------------------------------------------------------------------------------------------------------

http::Decision Reactor::on_request(const http::Request& request, RequestRef ref, http::Response& response) {
    const auto passage = gate_->check(request, Gate::Body::whole);
    if (!passage) {
        refuse(passage.error(), request.slot, &request, response);
        return http::Decision::now;
    }
    if (passage->format != nullptr) {
        ingest_->note_format(*passage->format, request, response, passage->tenant);
        return ingest_->on_request(request, *passage, ref, response);
    }
    if (const auto denied = refusal_of_page(*passage, request)) {
        refuse({.reason = denied->reason, .ends_connection = denied->ends_connection}, request.slot, &request,
               response);
        return http::Decision::now;
    }
    if (!passage->allow.empty()) {
        answer_options(passage->allow, response);
        if (gate_->is_for_ingest(request)) ingest_->note_preflight(request, response);
        return http::Decision::now;
    }
    if (passage->target >= influx_page_target_min) {
        answer_influx(static_cast<InfluxPage>(passage->target - influx_page_target_min), request, response);
        return http::Decision::now;
    }
    return answer_page(static_cast<AdminPage>(passage->target), ref, response);
}

// Of the admin pages: the gate leads to them, and does not guard them.
std::optional<Denied> Reactor::refusal_of_page(const Gate::Passage& passage, const http::Request& request) {
    const bool is_admin_page = passage.allow.empty() && passage.target < influx_page_target_min;
    return is_admin_page ? admin_guard_.check(request, is_public(static_cast<AdminPage>(passage.target)))
                         : std::optional<Denied>();
}

void Reactor::answer_influx(InfluxPage page, const http::Request& request, http::Response& response) {
    const bool is_health = page == InfluxPage::health;
    const std::string reason = is_health ? wiring_.readiness.state().reason : std::string();
    answer_influx_page(page, request, {reason, started_ns_, unix_ns()}, response, server_.blocks());
}

bool Reactor::refuses_head(const http::Request& request, http::Response& response) {
    const auto passage = gate_->check(request, Gate::Body::on_its_way);
    if (!passage) {
        refuse(passage.error(), request.slot, &request, response);
        return true;
    }
    if (passage->format != nullptr) return false;
    const auto denied = refusal_of_page(*passage, request);
    if (denied)
        refuse({.reason = denied->reason, .ends_connection = denied->ends_connection}, request.slot, &request,
               response);
    return denied.has_value();
}

void Reactor::refuse(const Gate::Refused& refused, Slot slot, const http::Request* request, http::Response& response) {
    refusal_log_.on_head(refused.reason, slot, request);
    if (request != nullptr && refused.format != nullptr && refused.is_of_format)
        ingest_->note_format(*refused.format, *request, response, refused.tenant);
    // What a data listener does not have is on the admin listener.
    const std::string_view where_key = refused.where.is_on_other_listener ? "admin.listen" : "";
    ingest_->refuse(refused.format,
                    {.reason = refused.reason,
                     .dialect = refused.dialect,
                     .allow = refused.allow,
                     .hides_retry_after = refused.hides_retry_after,
                     .excess = refused.excess,
                     .where_path = refused.where.path,
                     .where_key = where_key,
                     .nearest_parameter = refused.nearest},
                    response);
    if (refused.ends_connection) response.end_connection();
}

void Reactor::on_refused(Refusal reason, Slot slot, const http::Request* request, http::Response& response) {
    const bool has_path = request != nullptr && request->head.has_path();
    refuse(has_path ? gate_->refused(*request, reason) : Gate::Refused{.reason = reason}, slot, request, response);
}

void Reactor::on_body_lost(RequestRef ref) { ingest_->on_body_lost(ref); }

void Reactor::on_connection_gone(Slot slot) {
    if (access_ != nullptr) access_->forget(slot);
    clients_.forget(slot);
}

void Reactor::on_overdue(RequestRef ref, http::Response& response) { ingest_->on_overdue(ref, response); }

// /health and /ready are answered here: a load balancer's check does not wait for the admin thread, which may wait for
// reactors. A page that the admin thread does not answer is overdue after ack_timeout (on_overdue()).
http::Decision Reactor::answer_page(AdminPage page, RequestRef ref, http::Response& response) {
    if (page == AdminPage::health) {
        fill_page(health_answer(), response);
    } else if (page == AdminPage::ready) {
        fill_page(ready_answer(wiring_.readiness.state()), response);
    } else if (ask_admin(page, ref)) {
        return http::Decision::later;
    } else {
        ingest_->refuse(nullptr, {.reason = Refusal::admin_timeout}, response);
    }
    return http::Decision::now;
}

void Reactor::fill_page(const AdminAnswer& answer, http::Response& response) {
    fill_response(answer, ingest_->retry_after_s(), response, server_.blocks());
}

// The admin thread answers; meanwhile this reactor goes on. False: it has too much to answer already. Where this
// reactor's own mailbox is full, the answer is lost, and the request's time runs out.
bool Reactor::ask_admin(AdminPage page, RequestRef ref) {
    // Before the question: the place of `ref` may still name the format of an earlier request, and on_overdue() looks
    // there.
    ingest_->open_other(ref);
    return wiring_.admin->ask(page, [this, ref](AdminAnswer answer) {
        static_cast<void>(post([this, ref, shared = std::move(answer)] {
            // Null if the client has gone, or the request was overdue before.
            http::Response* response = server_.find(ref);
            if (response == nullptr) return;
            fill_page(shared, *response);
            server_.complete(ref);
        }));
    });
}

// --- each iteration ------------------------------------------------------------------------------------------------

void Reactor::take_completions() {
    while (const auto completion = inbox_.try_pop()) ingest_->on_settled(*completion->batch, completion->settlement);
    // What is posted may answer requests, which leave at the end of the iteration: so here, not between two of them.
    // After the completions, since it may ask for the books.
    mailbox_.run_all();
}

// In this order: the main thread writes it down before it takes the signal.
bool Reactor::is_to_stop() { return is_stop_pending() || wiring_.state.is_draining.load(std::memory_order_relaxed); }

void Reactor::read_bodies() { ingest_->read_waiting(); }

void Reactor::hand_over(std::uint64_t now_ns) { ingest_->hand_over(now_ns); }

// In steps of an iteration: the time is that of its beginning, which costs no look at the clock.
void Reactor::on_responses_sent(std::uint32_t count, IngestFormat format, std::uint64_t received_ns,
                                std::uint64_t ready_ns) {
    const std::uint64_t now_ns = server_.now_ns();
    ingest_->latency().record(Stage::respond, format, ready_ns, now_ns, count);
    ingest_->latency().record(Stage::total, format, received_ns, now_ns, count);
}

// --- what it knows -------------------------------------------------------------------------------------------------

// Copies 40 KiB for each histogram that is not empty, and allocates nothing. Between two requests, so the counts obey
// the conservation law.
void Reactor::fill(Snapshot& snapshot) {
    snapshot.core = core_;
    snapshot.samples = ingest_->counters();
    snapshot.in_flight_samples = ingest_->in_flight_samples_by_format();
    snapshot.http = server_.http_counters();
    snapshot.coding = ingest_->coding_counters();
    snapshot.remote_write = ingest_->remote_write_counters();
    snapshot.settings_generation = settings_generation_;
    snapshot.loop = server_.loop_counters();
    snapshot.addresses = server_.address_counters();
    if (server_.tls() != nullptr) {
        snapshot.tls = server_.tls()->tls_counters();
        snapshot.tls_handshakes.copy_from(server_.tls()->handshakes());
    }
    snapshot.loop_iterations.copy_from(server_.iterations());
    snapshot.pools = {pool_.in_use_count(), pool_.count(), server_.body_bytes_in_use()};
    snapshot.latency.copy_from(ingest_->latency());
    snapshot.latest = ingest_->latest();
    if (access_ == nullptr) return;
    const auto counters = access_->counters();
    snapshot.tenants.assign(counters.begin(), counters.end());  // allocates where there are more tenants than before
}

// The loop's own counters stay, but for the longest iteration.
void Reactor::reset_counters() {
    ingest_->reset();
    if (access_ != nullptr) access_->reset_counters();
    server_.http_counters() = {};
    server_.address_counters() = {};
    if (server_.tls() != nullptr) server_.tls()->reset_tls_counters();
    server_.forget_iterations();
}

}  // namespace sluice
