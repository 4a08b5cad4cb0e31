#include "engine/admission/sampler.hpp"

#include <pthread.h>

#include <chrono>
#include <utility>

#include "engine/admission/setup_remarks.hpp"
#include "engine/core/clock.hpp"
#include "engine/log/log.hpp"

namespace sluice::admission {
namespace {

void add_one(std::atomic<std::uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

Sampler::Sampler(const SamplerSettings& settings, Board& board)
    : settings_(settings), board_(board), client_(settings.redis), bounds_(settings.bounds) {
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
    if (verdict == board_.judged.load(std::memory_order_relaxed)) return;
    if (const auto refusal = refusal_of(verdict)) {
        const Bounds::Comparison comparison = bounds_.comparison(verdict, figures);
        log::warn("admission_closed", {{"code", info_of(*refusal).code},
                                       {"value", comparison.value},
                                       {"bound", comparison.bound},
                                       {"sheds", settings_.sheds}});
        if (closed_ns_ == 0) closed_ns_ = monotonic_ns();
    } else {
        log::info("admission_opened",
                  {{"after_s", static_cast<double>((monotonic_ns() - closed_ns_) / 1'000'000) / 1e3}});
        closed_ns_ = 0;
    }
    board_.judged.store(verdict, std::memory_order_relaxed);
    if (settings_.sheds) board_.verdict.store(verdict, std::memory_order_relaxed);
}

}  // namespace sluice::admission
