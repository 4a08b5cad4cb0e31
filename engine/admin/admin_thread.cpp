#include "engine/admin/admin_thread.hpp"

#include <pthread.h>

#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"
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
    settings.retry_after_s = config.retry_after_s;
    settings.body_memory_bytes = limits::admin_body_memory_bytes;
    return settings;
}

}  // namespace

AdminThread::AdminThread(const config::Config& config, AdminService& service)
    : service_(service), server_(admin_settings(config), *this, *this) {}

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

bool AdminThread::ask(http::Endpoint endpoint, OnAnswer on_answer) {
    const bool was_taken = mailbox_.post([this, endpoint, reply = std::move(on_answer)] {
        AdminAnswer result = service_.answer(endpoint);
        reply(result.status, result.type, std::move(result.body));
    });
    server_.wake();
    return was_taken;
}

bool AdminThread::on_request(const http::Request& request, RequestRef ref, http::Pending& pending) {
    static_cast<void>(ref);
    http::Reply& reply = pending.reply;
    if (refuses_head(request, reply)) return true;
    const http::Route* route = http::find_route(http::admin_routes, request.path);
    CHECK(route != nullptr);  // refuses_head() has looked
    AdminAnswer answer = service_.answer(route->endpoint);
    reply.set_text(answer.status, answer.type);
    // Without a free block the answer is cut, and its Content-Length is that of what is left.
    static_cast<void>(reply.body.append(server_.blocks(), answer.body));
    return true;
}

bool AdminThread::refuses_head(const http::Request& request, http::Reply& reply) {
    const http::Route* route = http::find_route(http::admin_routes, request.path);
    if (route != nullptr) return !http::admit_method(*route, request.head.method, reply).has_value();
    reply.set_refusal(Refusal::not_found);
    return true;
}

}  // namespace sluice
