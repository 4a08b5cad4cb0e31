#include "engine/admin/admin_thread.hpp"

#include <pthread.h>

#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"
#include "engine/ingest/json_answer.hpp"
#include "engine/server/backend_choice.hpp"

namespace sluice {
namespace {

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

AdminThread::AdminThread(const config::Config& config, AdminService& service)
    : service_(service), retry_after_s_(config.retry_after_s), server_(admin_settings(config), *this, *this) {
    for (const AdminPageRow& row : admin_pages) router_.add(row.route());
}

AdminThread::~AdminThread() { stop_and_join(); }

std::expected<void, io::LoopError> AdminThread::start(std::vector<Listener> listeners) {
    CHECK(!thread_.joinable());
    std::promise<std::expected<void, io::LoopError>> started;
    auto result = started.get_future();
    thread_ = std::thread([this, given = std::move(listeners), &started]() mutable {
        ::pthread_setname_np(::pthread_self(), "sluice-admin");
        auto opened = server_.open(std::move(given));
        const bool is_open = opened.has_value();
        started.set_value(std::move(opened));
        if (is_open) loop();
    });
    auto opened = result.get();
    if (!opened) thread_.join();
    return opened;
}

void AdminThread::loop() {
    while (!is_stopping_) {
        server_.run_once(mailbox_.has_tasks() ? 1 : 0);
        mailbox_.run_all();
    }
}

void AdminThread::stop_and_join() {
    if (!thread_.joinable()) return;
    mailbox_.post_order([this] { is_stopping_ = true; });
    server_.wake();
    thread_.join();
}

bool AdminThread::ask(AdminPage page, OnAnswer on_answer) {
    const bool was_taken = mailbox_.post([this, page, reply = std::move(on_answer)] { reply(service_.answer(page)); });
    server_.wake();
    return was_taken;
}

http::Decision AdminThread::on_request(const http::Request& request, RequestRef, http::Response& response) {
    if (refuses_head(request, response)) return http::Decision::now;
    const auto route = router_.find(request.path, request.head.method);
    CHECK(route.has_value());  // refuses_head() has looked
    const AdminAnswer answer = service_.answer(static_cast<AdminPage>((*route)->target));
    fill_response(answer, retry_after_s_, response, server_.blocks());
    return http::Decision::now;
}

bool AdminThread::refuses_head(const http::Request& request, http::Response& response) {
    const auto route = router_.find(request.path, request.head.method);
    if (route) return false;  // Authentication comes here, too.
    refuse_json({.reason = route.error().reason, .allow = route.error().allow}, response, server_.blocks());
    return true;
}

void AdminThread::on_refused(Refusal reason, http::Response& response) {
    refuse_json({.reason = reason, .retry_after_s = tells_retry_after(reason) ? retry_after_s_ : 0}, response,
                server_.blocks());
}

}  // namespace sluice
