#include "engine/admin/admin_thread.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/limits.hpp"
#include "engine/ingest/entrance.hpp"
#include "engine/ingest/format.hpp"
#include "engine/ingest/json_answer.hpp"
#include "engine/io/process_signals.hpp"
#include "engine/server/backend_choice.hpp"
#include "engine/server/tls_loop.hpp"

namespace sluice {
namespace {

// A deadline in the past; 0 would be none.
constexpr std::uint64_t at_once_ns = 1;

// Few connections with short requests: 128 KiB of receive buffers. Descriptors are not spared here
// (spare_descriptors_count is 0): those that the reactors leave free are meant for this server, too.
ServerSettings admin_settings(const config::Config& config) {
    ServerSettings settings{};
    settings.http = {limits::admin_body_bytes_max, config.http.header_timeout_ns, config.http.body_timeout_ns,
                     config.http.idle_timeout_ns,  config.http.write_timeout_ns,  config.ack_timeout_ns};
    settings.backend = backend_of(config);
    settings.loop.ring_entries_count = 64;
    settings.loop.receive_buffer_bytes = 8 * 1024;
    settings.loop.receive_buffers_count = 16;
    settings.loop.slots_count_max = limits::admin_connections_count_max;
    settings.body_memory_bytes = limits::admin_body_memory_bytes;
    return settings;
}

}  // namespace

AdminThread::AdminThread(const config::Config& config, AdminService& service,
                         const std::optional<tenants::Digest>& token, tenants::Failures& failures)
    : service_(service),
      retry_after_s_(config.retry_after_s),
      server_(admin_settings(config), *this, *this),
      access_failures_(failures, clients_),
      guard_(token, config.admin.origins, access_failures_) {
    for (const AdminPageRow& row : admin_pages) {
        http::Route route = row.route();
        if (!row.is_scraped) route.listener_roles_mask = http::role_mask(ListenerRole::admin);
        router_.add(route);
    }
    // Known, so that a 404 says where they are.
    for (const Format& format : formats())
        for (const std::string_view path : format.paths)
            router_.add({path, http::Methods::post, 0, http::role_mask(ListenerRole::data)});
}

AdminThread::~AdminThread() { stop_and_join(0); }

std::expected<void, io::LoopError> AdminThread::open(const TlsSettings& tls) {
    CHECK(!thread_.joinable());
    // It may lie on this stack: this function waits for set_value() before it returns.
    std::promise<std::expected<void, io::LoopError>> started;
    auto result = started.get_future();
    thread_ = std::thread([this, &started, &tls] {
        ::pthread_setname_np(::pthread_self(), "sluice-admin");
        // On the new thread, because a ring belongs to the thread that made it (IORING_SETUP_SINGLE_ISSUER).
        auto opened = server_.open({}, tls);
        const bool is_open = opened.has_value();
        started.set_value(std::move(opened));
        if (is_open) loop();
    });
    auto opened = result.get();
    if (!opened) thread_.join();
    return opened;
}

bool AdminThread::apply(std::shared_ptr<const tls::Context> context,
                        std::shared_ptr<const tenants::TenantTable> tenants) {
    const bool was_taken = mailbox_.post([this, context = std::move(context), table = std::move(tenants)] {
        if (server_.tls() != nullptr) server_.tls()->set_context(context);
        service_.use_tenants(table);
    });
    server_.wake();
    return was_taken;
}

void AdminThread::listen(std::vector<Listener> listeners) {
    if (listeners.empty()) return;
    std::promise<void> listens;
    mailbox_.post_order([&] {
        server_.listen(std::move(listeners));
        listens.set_value();
    });
    server_.wake();
    listens.get_future().wait();
}

void AdminThread::loop() {
    while (!is_stopping_) turn(0);
    end();
}

// Tasks run between two iterations. They answer requests of data listeners, so nothing of this server waits for them to
// be sent. A task that is posted after the look wakes the loop (ask()).
void AdminThread::turn(std::uint64_t deadline_ns) {
    server_.run_once(mailbox_.has_tasks() ? at_once_ns : deadline_ns);
    mailbox_.run_all();
}

// As a reactor's drain, in short: what a connection has to say leaves at the end of an iteration, so the first one does
// not wait.
void AdminThread::end() {
    constexpr std::uint64_t grace_ns = 100'000'000;
    const std::uint64_t drain_end_ns = monotonic_ns() + end_patience_ns_;
    server_.drain();
    for (turn(at_once_ns); !server_.is_drained() && monotonic_ns() < drain_end_ns;) turn(drain_end_ns);
    server_.give_up();
    const std::uint64_t end_ns = monotonic_ns() + grace_ns;
    for (turn(at_once_ns); server_.has_connections() && monotonic_ns() < end_ns;) turn(end_ns);
}

void AdminThread::begin_lame_duck() {
    if (!thread_.joinable()) return;
    mailbox_.post_order([this] { server_.begin_lame_duck(); });
    server_.wake();
}

void AdminThread::stop_and_join(std::uint64_t patience_ns) {
    if (!thread_.joinable()) return;
    // Tasks that were posted before it run before it. Later ones run until the connections have ended.
    mailbox_.post_order([this, patience_ns] {
        end_patience_ns_ = patience_ns;
        is_stopping_ = true;
    });
    server_.wake();
    thread_.join();
}

bool AdminThread::ask(AdminPage page, OnAnswer on_answer) {
    // A task blocks the admin thread for as long as AdminService::answer() does. Those behind it wait; so does the
    // admin listener.
    const bool was_taken = mailbox_.post([this, page, reply = std::move(on_answer)] { reply(service_.answer(page)); });
    server_.wake();
    return was_taken;
}

// As in a reactor.
bool AdminThread::is_to_stop() { return is_stop_pending() || service_.is_draining(); }

http::Decision AdminThread::on_request(const http::Request& request, RequestRef, http::Response& response) {
    // A connection asks refuses_head() only of a request whose body is still on its way. All others are checked here.
    if (refuses_head(request, response)) return http::Decision::now;
    const auto entrance = enter(router_, request);
    CHECK(entrance.has_value());  // refuses_head() has looked
    if (entrance->route == nullptr) {
        answer_options(entrance->allow, response);
        return http::Decision::now;
    }
    const AdminAnswer answer = service_.answer(static_cast<AdminPage>(entrance->route->target));
    fill_response(answer, retry_after_s_, response, server_.blocks());
    return http::Decision::now;
}

bool AdminThread::refuses_head(const http::Request& request, http::Response& response) {
    if (guard_.is_foreign_post(request)) {  // whatever is there, also nothing
        deny({Refusal::cross_origin}, request, response);
        return true;
    }
    const auto entrance = enter(router_, request);
    if (entrance)
        return entrance->route != nullptr &&
               refuses_page(request, static_cast<AdminPage>(entrance->route->target), response);
    const NoEntrance& refused = entrance.error();
    refusal_log_.on_head(refused.reason, request.slot, &request);
    const bool is_page = std::ranges::find(admin_pages, refused.where.path, &AdminPageRow::path) != admin_pages.end();
    const std::string_view where_key = !refused.where.is_on_other_listener ? "" : is_page ? "admin.listen" : "listen";
    refuse_json(
        {.reason = refused.reason, .allow = refused.allow, .where_path = refused.where.path, .where_key = where_key},
        response, server_.blocks());
    return true;
}

bool AdminThread::refuses_page(const http::Request& request, AdminPage page, http::Response& response) {
    // Through admin.metrics_listen come scrapers, which have no token of the controls.
    const bool is_scraper = request.listener_role_number == static_cast<std::uint8_t>(ListenerRole::metrics);
    const auto denied = guard_.check(request, is_scraper || is_public(page));
    if (denied) deny(*denied, request, response);
    return denied.has_value();
}

void AdminThread::deny(const Denied& denied, const http::Request& request, http::Response& response) {
    refusal_log_.on_head(denied.reason, request.slot, &request);
    const bool is_challenge = info_of(denied.reason).status == 401;
    refuse_json({.reason = denied.reason, .challenge = is_challenge ? bearer_challenge : std::string_view{}}, response,
                server_.blocks());
    if (denied.ends_connection) response.end_connection();
}

void AdminThread::on_refused(Refusal reason, Slot slot, const http::Request* request, http::Response& response) {
    refusal_log_.on_head(reason, slot, request);
    refuse_json({.reason = reason, .retry_after_s = tells_retry_after(reason) ? retry_after_s_ : 0}, response,
                server_.blocks());
}

}  // namespace sluice
