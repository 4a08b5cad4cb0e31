#include "engine/admin/admin_service.hpp"

#include <algorithm>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/log/log.hpp"

namespace sluice {
namespace {

constexpr std::chrono::milliseconds reactor_patience{1000};
// How often it is looked whether a reactor that owes an answer has ended instead. An answer ends the wait at once.
constexpr std::chrono::milliseconds end_poll_interval{10};

AdminService::Answer refusal(Refusal reason) {
    const RefusalInfo& info = info_of(reason);
    std::string body =
        R"({"ok":false,"error":")" + std::string(info.sentence) + R"(","code":")" + std::string(info.code) + "\"}";
    return {static_cast<std::uint16_t>(info.status), http::ContentType::json, std::move(body)};
}

}  // namespace

AdminService::AdminService(const config::Config& config, EngineState& state, const Readiness& readiness,
                           const std::vector<std::unique_ptr<SinkThread>>& sinks, const forward::Forwarder* forwarder,
                           const IdempotencyTable* idempotency)
    : config_(config),
      state_(state),
      readiness_(readiness),
      sinks_(sinks),
      forwarder_(forwarder),
      idempotency_(idempotency),
      begin_ns_(monotonic_ns()) {}

AdminService::~AdminService() = default;

void AdminService::connect(std::vector<ReactorPort*> reactors) {
    CHECK(reactors_.empty());
    reactors_ = std::move(reactors);
    for (std::size_t i = 0; i < reactors_.size(); ++i) {
        questions_.push_back(std::make_shared<Question>());
        snapshots_.push_back(std::make_unique<Snapshot>());
    }
}

AdminService::Answer AdminService::answer(http::Endpoint endpoint) {
    using http::Endpoint;
    switch (endpoint) {
        case Endpoint::start: return set_paused(false);
        case Endpoint::stop: return set_paused(true);
        case Endpoint::reset: return reset();
        case Endpoint::health: return {200, http::ContentType::json, R"({"status":"ok"})"};
        case Endpoint::ready: {
            const Readiness::Verdict verdict = readiness_.verdict();
            return {static_cast<std::uint16_t>(verdict.is_ready ? 200 : 503), http::ContentType::json,
                    readiness_.body(verdict)};
        }
        default: break;
    }
    if (!take_snapshots(false)) return refusal(Refusal::admin_timeout);
    const EngineView view{config_,     state_, readiness_, sinks_, snapshots_, forwarder_, monotonic_ns() - begin_ns_,
                          idempotency_};
    if (endpoint == Endpoint::metrics) return {200, http::ContentType::prometheus, render_metrics(view)};
    return {200, http::ContentType::json, render_status(view)};
}

AdminService::Answer AdminService::set_paused(bool paused) {
    if (state_.paused.exchange(paused, std::memory_order_relaxed) != paused)
        log::info(paused ? "telemetry_paused" : "telemetry_started");
    return {200, http::ContentType::json, R"({"ok":true})"};
}

AdminService::Answer AdminService::reset() {
    if (!state_.paused.load(std::memory_order_relaxed)) return refusal(Refusal::not_paused);
    if (!take_snapshots(true)) return refusal(Refusal::admin_timeout);
    log::info("counters_reset");
    return {200, http::ContentType::json, R"({"ok":true,"message":"Counters and histograms are zero."})"};
}

// Asks all reactors at once, then waits for each. False if one did not answer in time. One that has ended, as it does
// in a drain, answers no more and counts no more: what it knew last is read from here.
bool AdminService::take_snapshots(bool resets) {
    for (std::size_t i = 0; i < reactors_.size(); ++i) {
        Question& question = *questions_[i];
        if (question.is_outstanding && !question.answered.try_acquire()) continue;
        ReactorPort& reactor = *reactors_[i];
        question.is_outstanding = reactor.post([&reactor, resets, shared = questions_[i]] {
            reactor.fill(shared->snapshot);
            if (resets) reactor.reset_counters();
            shared->answered.release();
        });
    }
    const auto deadline = std::chrono::steady_clock::now() + reactor_patience;
    for (std::size_t i = 0; i < reactors_.size(); ++i) {
        switch (wait_for(i, deadline)) {
            case Wait::answered: std::swap(questions_[i]->snapshot, *snapshots_[i]); break;
            case Wait::ended:
                reactors_[i]->fill(*snapshots_[i]);
                if (resets) reactors_[i]->reset_counters();
                break;
            case Wait::timed_out: return false;
        }
        questions_[i]->is_outstanding = false;
    }
    return true;
}

AdminService::Wait AdminService::wait_for(std::size_t reactor_index, std::chrono::steady_clock::time_point deadline) {
    Question& question = *questions_[reactor_index];
    for (;;) {
        // Asked first: an answer that came before the end is in the semaphore by then, and is as good as the end's.
        const bool has_ended = reactors_[reactor_index]->has_ended();
        const auto now = std::chrono::steady_clock::now();
        if (question.answered.try_acquire_until(has_ended ? now : std::min(deadline, now + end_poll_interval)))
            return Wait::answered;
        if (has_ended) return Wait::ended;
        if (now >= deadline) return Wait::timed_out;
    }
}

}  // namespace sluice
