#include "engine/watch/watcher.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/limits.hpp"
#include "engine/log/log.hpp"
#include "engine/watch/setup_remarks.hpp"
#include "engine/watch/write_trial.hpp"

namespace sluice::watch {
namespace {

// More than any Retry-After says; keeps the arithmetic far from its limits.
constexpr double opening_s_max = static_cast<double>(limits::retry_after_setting_s_max);

// How long Redis may have been away when an engine starts that asks it once.
constexpr std::uint64_t once_retry_ns = 1'000'000'000;

void add_one(std::atomic<std::uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

Watcher::Watcher(const WatcherSettings& settings, Gauges& gauges)
    : settings_(settings), gauges_(gauges), client_(settings.redis, client_name), bounds_(settings.bounds) {
    if (!settings.seeds.empty())
        cluster_ = std::make_unique<ClusterProbe>(settings.redis, settings.seeds, settings.subject);
}

void Watcher::start() {
    CHECK(!thread_.joinable());
    if (settings_.interval_ns != 0) gauges_.is_on.store(true, std::memory_order_relaxed);
    thread_ = std::thread([this] { run(); });
}

void Watcher::stop_and_join() {
    if (!thread_.joinable()) return;
    {
        const std::scoped_lock lock(mutex_);
        is_stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Watcher::run() {
    ::pthread_setname_np(::pthread_self(), "sluice-admit");
    const bool is_once = settings_.interval_ns == 0;
    const std::chrono::nanoseconds pause(is_once ? once_retry_ns : settings_.interval_ns);
    std::unique_lock lock(mutex_);
    while (!is_stopping_) {
        lock.unlock();
        if (!is_once) probe();
        else if (look_for_remarks()) return;
        lock.lock();
        wake_.wait_for(lock, pause, [this] { return is_stopping_; });
    }
}

// False: Redis could not be asked. The connection is closed after it has been.
bool Watcher::look_for_remarks() {
    const Findings findings = learn();
    log_setup(findings);
    if (!findings.is_reached) return false;
    client_.close();
    cluster_.reset();
    return true;
}

void Watcher::probe() {
    const Findings findings = learn();
    log_setup(findings);
    add_one(findings.error.empty() ? gauges_.samples : gauges_.failures);
    gauges_.set(findings.figures);
    if (findings.error != gauges_.last_error.text()) {
        if (!findings.error.empty()) log::warn("admission_unknown", {{"reason", findings.error}});
        gauges_.last_error.set(findings.error);
    }
    decide(findings.figures);
}

Findings Watcher::learn() {
    if (cluster_ != nullptr) return cluster_->learn([this] { return is_stopping(); });
    Findings setup;
    Findings findings = ask_server(setup);
    for (std::size_t i = 1; was_useless_ && i < client_.addresses_count() && !is_stopping(); ++i)
        findings = ask_server(setup);
    findings.remarks = std::move(setup.remarks);
    findings.connected = std::move(setup.connected);
    return findings;
}

// A server of no use is asked all the same: where there is no other, its figures are better than none. Then it is left.
// What there is to say of a new connection goes into `setup`.
Findings Watcher::ask_server(Findings& setup) {
    const Subject& subject = settings_.subject;
    const bool is_new = !client_.is_connected();
    const bool was_useless_before = std::exchange(was_useless_, false);
    if (is_new && !client_.connect()) return not_reached();
    const std::vector<Reply> replies = client_.ask(figure_commands(subject));
    if (replies.empty()) return not_reached();
    Findings findings = figures_from(subject, replies);
    was_useless_ = is_of_no_use(replies);
    // Each look meets those of no use again: the first one is told.
    if (is_new && !(was_useless_ && was_useless_before))
        add_setup_remarks(client_, settings_.redis.user, {}, subject.has_length_bound, setup);
    if (subject.is_tried && client_.is_connected()) findings.refusal = why_no_sample(client_, subject);
    if (was_useless_ && client_.is_connected()) client_.leave(findings.error);
    return findings;
}

// The server has no name where it was to be found, and was not.
Findings Watcher::not_reached() const {
    const std::string& server = client_.server_name();
    return {.error = (server.empty() ? "Redis" : "Redis at " + server) + " cannot be asked: " + client_.failure(),
            .is_reached = false};
}

bool Watcher::is_stopping() {
    const std::scoped_lock lock(mutex_);
    return is_stopping_;
}

Findings Watcher::look_once(const WatcherSettings& settings) {
    Gauges gauges;
    WatcherSettings once = settings;
    once.subject.is_tried = true;
    return Watcher(once, gauges).learn();
}

void Watcher::decide(const Figures& figures) {
    const PassedBound passed = bounds_.judge(figures);
    estimate_opening(passed, figures);
    if (passed == gauges_.passed.load(std::memory_order_relaxed)) return;
    if (passed != PassedBound::none) {
        log_closed(passed, figures);
        if (closed_ns_ == 0) closed_ns_ = monotonic_ns();
    } else {
        log_opened();
        closed_ns_ = 0;
    }
    gauges_.passed.store(passed, std::memory_order_relaxed);
    if (settings_.sheds) gauges_.refused_for.store(passed, std::memory_order_relaxed);
}

// When a request may be taken again: not before the next look, and as late as the figure takes to fall.
void Watcher::estimate_opening(PassedBound passed, const Figures& figures) {
    if (passed == PassedBound::none || passed != gauges_.passed.load(std::memory_order_relaxed)) trend_ = {};
    if (passed == PassedBound::none) return gauges_.opens_ns.store(0, std::memory_order_relaxed);
    const std::uint64_t now_ns = monotonic_ns();
    std::uint64_t wait_ns = settings_.interval_ns;
    const Bounds::Comparison comparison = bounds_.comparison(passed, figures);
    if (comparison.bound != 0 && comparison.value != 0) {
        trend_.observe(now_ns, comparison.value);
        if (const auto fall_s = trend_.s_until(comparison.reopens_below()))
            wait_ns = std::max(wait_ns, static_cast<std::uint64_t>(std::min(*fall_s, opening_s_max) * 1e9));
    }
    gauges_.opens_ns.store(now_ns + wait_ns, std::memory_order_relaxed);
}

void Watcher::log_closed(PassedBound passed, const Figures& figures) const {
    const Bounds::Comparison comparison = bounds_.comparison(passed, figures);
    log::warn("admission_closed", {{"code", info_of(*refusal_of(passed)).code},
                                   {"value", comparison.value},
                                   {"bound", comparison.bound},
                                   {"sheds", settings_.sheds}});
}

void Watcher::log_opened() const {
    const double after_s = static_cast<double>((monotonic_ns() - closed_ns_) / 1'000'000) / 1e3;
    if (!bounds_.has_lapsed()) return log::info("admission_opened", {{"after_s", after_s}});
    log::warn("admission_lapsed",
              {{"after_s", after_s}, {"reason", "the figure that closed admission has not been known for too long"}});
}

}  // namespace sluice::watch
