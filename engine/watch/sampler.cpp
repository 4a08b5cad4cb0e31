#include "engine/watch/sampler.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/core/clock.hpp"
#include "engine/log/log.hpp"
#include "engine/watch/setup_remarks.hpp"

namespace sluice::admission {
namespace {

// More than any Retry-After says; keeps the arithmetic far from its limits.
constexpr double foreseen_s_max = 3600;

void add_one(std::atomic<std::uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

Sampler::Sampler(const SamplerSettings& settings, Board& board)
    : settings_(settings), board_(board), client_(settings.redis, client_name), bounds_(settings.bounds) {
    if (!settings.seeds.empty())
        cluster_ = std::make_unique<ClusterInquiry>(settings.redis, settings.seeds, settings.subject);
}

void Sampler::start() {
    board_.is_on.store(true, std::memory_order_relaxed);
    thread_ = std::thread([this] { run(); });
}

void Sampler::stop_and_join() {
    if (!thread_.joinable()) return;
    {
        const std::scoped_lock lock(mutex_);
        is_stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Sampler::run() {
    ::pthread_setname_np(::pthread_self(), "sluice-admit");
    std::unique_lock lock(mutex_);
    while (!is_stopping_) {
        lock.unlock();
        look();
        lock.lock();
        wake_.wait_for(lock, std::chrono::nanoseconds(settings_.interval_ns), [this] { return is_stopping_; });
    }
}

void Sampler::look() {
    const Findings findings = learn();
    add_one(findings.trouble.empty() ? board_.samples : board_.failures);
    board_.set(findings.figures);
    if (findings.trouble != board_.trouble.text()) {
        if (!findings.trouble.empty()) log::warn("admission_unknown", {{"reason", findings.trouble}});
        board_.trouble.set(findings.trouble);
    }
    decide(findings.figures);
}

Findings Sampler::learn() {
    if (cluster_ != nullptr)
        return cluster_->learn([this] {
            const std::scoped_lock lock(mutex_);
            return is_stopping_;
        });
    if (!client_.is_connected()) {
        if (!client_.connect()) return {{}, "Redis can not be asked: " + client_.failure()};
        remark_on_setup(client_, {});
    }
    if (client_.is_connected()) {
        const std::vector<Reply> replies = client_.ask(figure_questions(settings_.subject));
        if (!replies.empty()) return figures_from(settings_.subject, replies);
    }
    return {{}, "Redis can not be asked: " + client_.failure()};
}

void Sampler::decide(const Figures& figures) {
    const Verdict verdict = bounds_.judge(figures);
    foresee(verdict, figures);
    if (verdict == board_.judged.load(std::memory_order_relaxed)) return;
    if (verdict != Verdict::admit) {
        tell_closed(verdict, figures);
        if (closed_ns_ == 0) closed_ns_ = monotonic_ns();
    } else {
        tell_opened();
        closed_ns_ = 0;
    }
    board_.judged.store(verdict, std::memory_order_relaxed);
    if (settings_.sheds) board_.verdict.store(verdict, std::memory_order_relaxed);
}

// When a request may be taken again: not before the next look, and as late as the figure takes to fall.
void Sampler::foresee(Verdict verdict, const Figures& figures) {
    if (verdict == Verdict::admit || verdict != board_.judged.load(std::memory_order_relaxed)) decline_ = {};
    if (verdict == Verdict::admit) return board_.opens_ns.store(0, std::memory_order_relaxed);
    const std::uint64_t now_ns = monotonic_ns();
    std::uint64_t wait_ns = settings_.interval_ns;
    const Bounds::Comparison comparison = bounds_.comparison(verdict, figures);
    if (comparison.bound != 0 && comparison.value != 0) {
        decline_.look(now_ns, comparison.value);
        if (const auto fall_s = decline_.s_until(comparison.reopens_below()))
            wait_ns = std::max(wait_ns, static_cast<std::uint64_t>(std::min(*fall_s, foreseen_s_max) * 1e9));
    }
    board_.opens_ns.store(now_ns + wait_ns, std::memory_order_relaxed);
}

void Sampler::tell_closed(Verdict verdict, const Figures& figures) const {
    const Bounds::Comparison comparison = bounds_.comparison(verdict, figures);
    log::warn("admission_closed", {{"code", info_of(*refusal_of(verdict)).code},
                                   {"value", comparison.value},
                                   {"bound", comparison.bound},
                                   {"sheds", settings_.sheds}});
}

void Sampler::tell_opened() const {
    const double after_s = static_cast<double>((monotonic_ns() - closed_ns_) / 1'000'000) / 1e3;
    if (!bounds_.has_lapsed()) return log::info("admission_opened", {{"after_s", after_s}});
    log::warn("admission_lapsed",
              {{"after_s", after_s}, {"reason", "the figure that closed admission has not been known for too long"}});
}

}  // namespace sluice::admission
