#include "tools/load/run/closed_load.hpp"

#include <algorithm>
#include <limits>

namespace sluice::load {
namespace {

constexpr std::uint64_t stages_interval_ns = 10'000'000;  // how often the number of users is adapted

std::uint64_t share_of(std::uint64_t count, std::uint32_t thread, std::uint32_t threads_count) {
    return count / threads_count + (thread < count % threads_count ? 1 : 0);
}

}  // namespace

ClosedLoad::ClosedLoad(const RunPlan& plan, std::uint32_t thread, std::uint32_t users_count_max, Recorder& recorder)
    : plan_(plan),
      recorder_(recorder),
      thread_(thread),
      random_(plan.seed * 31 + thread),
      users_(users_count_max),
      left_count_(far_ns) {
    if (plan.requests_count_max != 0) left_count_ = share_of(plan.requests_count_max, thread, plan.threads_count);
    std::vector<Wake> memory;
    memory.reserve(std::size_t{users_count_max} * plan.pipeline_depth);
    thinking_ = decltype(thinking_)(std::greater<>{}, std::move(memory));
    for (User& user : users_) user.resting_count = plan.pipeline_depth;
}

// Where stages rise from 0, each user connects when it comes. The first user connects before the start, so that an
// unreachable target is found then.
void ClosedLoad::open_connections_count() {
    const auto count = static_cast<std::uint32_t>(
        share_of(static_cast<std::uint64_t>(plan_.users.first_level()), thread_, plan_.threads_count));
    for (Slot slot = 0; slot < std::min<std::size_t>(std::max(count, 1u), users_.size()); ++slot)
        client_->connect(slot);
}

void ClosedLoad::start(std::uint64_t start_ns) {
    start_ns_ = start_ns;
    end_ns_ = start_ns + static_cast<std::uint64_t>(plan_.users.seconds() * 1e9);
}

bool ClosedLoad::is_over(std::uint64_t now_ns) const { return is_stopped_ || left_count_ == 0 || now_ns >= end_ns_; }

std::uint32_t ClosedLoad::users_count_at(std::uint64_t now_ns) const {
    const double level = plan_.users.level_at(static_cast<double>(now_ns - start_ns_) / 1e9);
    const auto count = share_of(static_cast<std::uint64_t>(level + 1e-9), thread_, plan_.threads_count);
    return static_cast<std::uint32_t>(std::min<std::size_t>(count, users_.size()));
}

void ClosedLoad::admit(std::uint64_t now_ns) {
    const std::uint32_t wanted_count = users_count_at(now_ns);
    while (present_count_ < wanted_count) {
        const Slot slot = present_count_++;
        if (client_->is_idle(slot)) client_->connect(slot);
        const std::uint32_t resting_count = users_[slot].resting_count;
        users_[slot].resting_count = 0;
        for (std::uint32_t i = 0; i < resting_count; ++i) become_ready(slot, now_ns);
    }
    present_count_ = wanted_count;
}

bool ClosedLoad::pump(std::uint64_t now_ns) {
    if (is_over(now_ns)) {
        stop();
        return false;
    }
    admit(now_ns);
    while (!thinking_.empty() && thinking_.top().at_ns <= now_ns) {
        const Wake wake = thinking_.top();
        thinking_.pop();
        become_ready(wake.slot, wake.at_ns);
    }
    return true;
}

std::uint64_t ClosedLoad::next_ns(std::uint64_t now_ns) const {
    if (is_over(now_ns)) return far_ns;
    const std::uint64_t think_end_ns = thinking_.empty() ? far_ns : thinking_.top().at_ns;
    return std::min({think_end_ns, end_ns_, now_ns + stages_interval_ns});
}

void ClosedLoad::stop() {
    is_stopped_ = true;
    for (User& user : users_) user.waiting_count = 0;
}

void ClosedLoad::become_ready(Slot slot, std::uint64_t now_ns) {
    User& user = users_[slot];
    if (slot >= present_count_) {
        ++user.resting_count;
        return;
    }
    if (user.waiting_count++ == 0) user.ready_ns = now_ns;
    send_waiting(slot);
}

void ClosedLoad::send_waiting(Slot slot) {
    User& user = users_[slot];
    while (user.waiting_count != 0 && left_count_ != 0 && client_->has_room(slot)) {
        --user.waiting_count;
        --left_count_;
        ++recorder_.counts_of(user.ready_ns).planned;
        client_->issue(slot, user.ready_ns);
    }
}

std::uint64_t ClosedLoad::think_ns() {
    return plan_.think.low_ns + random_.below(plan_.think.high_ns - plan_.think.low_ns + 1);
}

void ClosedLoad::on_room(Slot slot, std::uint64_t) {
    if (!is_stopped_ && start_ns_ != 0) send_waiting(slot);
}

void ClosedLoad::on_finished(Slot slot, std::uint64_t now_ns) {
    if (is_over(now_ns)) return;
    const std::uint64_t think = think_ns();
    if (think == 0) become_ready(slot, now_ns);
    else thinking_.push({now_ns + think, slot});
}

// Each failed attempt fails one waiting request of the user, if there is one.
void ClosedLoad::on_connect_failed(Slot slot, Fault fault, std::uint64_t now_ns) {
    User& user = users_[slot];
    if (user.waiting_count == 0 || is_over(now_ns)) return;
    --user.waiting_count;
    --left_count_;
    ++recorder_.counts_of(user.ready_ns).planned;
    client_->fail_unsent(fault, user.ready_ns);
    on_finished(slot, now_ns);
}

}  // namespace sluice::load
