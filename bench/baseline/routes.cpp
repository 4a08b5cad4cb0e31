#include "bench/baseline/routes.hpp"

#include <utility>

#include "engine/core/clock.hpp"

namespace sluice::baseline {
namespace {

void answer(httplib::Response& response, int status, const std::string& body) {
    response.status = status;
    response.set_content(body, "application/json");
}

}  // namespace

void Routes::add_to(httplib::Server& server) {
    using httplib::Request, httplib::Response;
    // First: cpp-httplib tries the patterns of a method in their order.
    server.Post("/telemetry", [this](const Request& request, Response& response) { take_sample(request, response); });
    server.Get("/health", [](const Request&, Response& response) { answer(response, 200, R"({"status":"ok"})"); });
    server.Get("/metrics", [this](const Request&, Response& response) { answer(response, 200, metrics_json()); });
    server.Get("/status", [this](const Request&, Response& response) { answer(response, 200, status_json()); });
    server.Post("/reset", [this](const Request&, Response& response) { reset(response); });
    for (const auto& [path, is_measuring] : {std::pair{"/start", true}, std::pair{"/stop", false}}) {
        server.Post(path, [this, is_measuring](const Request&, Response& response) {
            is_measuring_ = is_measuring;
            answer(response, 200, R"({"ok":true})");
        });
    }
}

void Routes::take_sample(const httplib::Request& request, httplib::Response& response) {
    requests_count_.fetch_add(1, std::memory_order_relaxed);
    auto sample = accept_sample(request.body, layout_, unix_ns());
    if (!sample) return answer(response, 400, "{\"error\":\"" + std::string(sample.error()) + "\"}");
    if (queue_.try_push(std::move(*sample)))
        return answer(response, 200, R"({"ok":true,"message":"Telemetry received"})");
    full_count_.fetch_add(1, std::memory_order_relaxed);
    answer(response, 503, R"({"error":"Queue full"})");
}

void Routes::reset(httplib::Response& response) {
    if (is_measuring_) return answer(response, 400, R"({"error":"Cannot reset while measuring. Stop gateway first."})");
    const std::lock_guard lock(mutex_);
    at_reset_ = since_begin();
    answer(response, 200, R"({"ok":true,"message":"Metrics are zero"})");
}

Routes::Figures Routes::since_begin() const {
    return {.requests = requests_count_.load(),
            .stored = worker_.stored_count(),
            .dropped = worker_.dropped_count() + full_count_.load()};
}

std::string Routes::metrics_json() const {
    const std::lock_guard lock(mutex_);
    const Figures now = since_begin();
    return "{\"samples_processed\":" + std::to_string(now.stored - at_reset_.stored) +
           ",\"samples_dropped\":" + std::to_string(now.dropped - at_reset_.dropped) +
           ",\"pool_jobs_processed\":" + std::to_string(now.requests - at_reset_.requests) +
           ",\"pool_jobs_queued\":" + std::to_string(queue_.size()) +
           ",\"pool_num_threads\":" + std::to_string(threads_count_) + "}";
}

std::string Routes::status_json() const {
    return std::string(R"({"state":")") + (is_measuring_ ? "measuring" : "stopped") +
           R"(","latest_sample":null,"metrics":)" + metrics_json() + "}";
}

}  // namespace sluice::baseline
