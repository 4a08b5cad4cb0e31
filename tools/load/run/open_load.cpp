#include "tools/load/run/open_load.hpp"

#include <algorithm>
#include <limits>

namespace sluice::load {
namespace {

constexpr std::uint64_t grace_ns_max = 1'000'000'000;
// A bound, so that answers are read in time at any rate. The next pump() counts the rest.
constexpr std::uint64_t due_per_pump_max = 65'536;

}  // namespace

OpenLoad::OpenLoad(const RunPlan& plan, std::uint32_t thread, std::uint32_t connections_count, Recorder& recorder)
    : plan_(plan),
      recorder_(recorder),
      due_(plan.arrivals, thread, plan.threads_count),
      oldest_(due_),
      connections_count_(connections_count),
      rooms_(connections_count),
      is_in_rooms_(connections_count) {}

void OpenLoad::open_connections_count() {
    for (Slot slot = 0; slot < connections_count_; ++slot) client_->connect(slot);
}

void OpenLoad::start(std::uint64_t start_ns) {
    start_ns_ = start_ns;
    if (plan_.requests_count_max == 0)
        end_ns_ = start_ns + static_cast<std::uint64_t>(plan_.arrivals.rate.seconds() * 1e9);
}

void OpenLoad::count_due(std::uint64_t now_ns, std::uint64_t count_max) {
    for (std::uint64_t count = 0; count < count_max && due_.next_ns(); ++count) {
        const std::uint64_t intended_ns = start_ns_ + *due_.next_ns();
        if (intended_ns > now_ns) return;
        end_ns_ = std::max(end_ns_, intended_ns);
        due_.advance();
        ++backlog_count_;
        recorder_.count_due(intended_ns);
    }
}

// Until then a backlog is sent after the end of the schedule. A run that ends by count sends everything, so it goes on
// as long as answers come.
std::uint64_t OpenLoad::patience_end_ns() const {
    if (plan_.requests_count_max == 0) return end_ns_ + std::min(plan_.timeout_ns, grace_ns_max);
    return std::max(end_ns_, client_->answered_ns()) + plan_.timeout_ns;
}

bool OpenLoad::pump(std::uint64_t now_ns) {
    if (is_stopped_) return false;
    count_due(now_ns, due_per_pump_max);
    Slot slot = 0;
    while (backlog_count_ != 0 && take_room(slot)) {
        client_->issue(slot, start_ns_ + *oldest_.next_ns());
        oldest_.advance();
        --backlog_count_;
        if (client_->has_room(slot)) on_room(slot, now_ns);
    }
    if (due_.next_ns() || now_ns < end_ns_) return true;
    if (backlog_count_ != 0 && now_ns >= patience_end_ns())
        fail_backlog(client_->connected_count() == 0 ? last_fault_ : Fault::never_sent);
    return backlog_count_ != 0;
}

std::uint64_t OpenLoad::next_ns(std::uint64_t now_ns) const {
    if (is_stopped_) return far_ns;
    if (due_.next_ns()) return start_ns_ + *due_.next_ns();
    // At the end of the schedule pump() finds that it is over.
    if (backlog_count_ != 0) return patience_end_ns();
    return now_ns < end_ns_ ? end_ns_ : far_ns;
}

void OpenLoad::fail_oldest(Fault fault) {
    client_->fail_unsent(fault, start_ns_ + *oldest_.next_ns());
    oldest_.advance();
    --backlog_count_;
}

void OpenLoad::fail_backlog(Fault fault) {
    while (backlog_count_ != 0) fail_oldest(fault);
}

// A request that falls due just now does not count as planned: the run ends, and nothing failed.
void OpenLoad::stop() {
    is_stopped_ = true;
    fail_backlog(Fault::interrupted);
}

void OpenLoad::on_room(Slot slot, std::uint64_t) {
    last_fault_ = Fault::never_sent;
    if (is_in_rooms_[slot]) return;
    is_in_rooms_[slot] = true;
    rooms_[(rooms_first_ + rooms_count_) % rooms_.size()] = slot;
    ++rooms_count_;
}

// A connection may have been lost since it was queued.
bool OpenLoad::take_room(Slot& slot) {
    while (rooms_count_ != 0) {
        slot = rooms_[rooms_first_];
        rooms_first_ = (rooms_first_ + 1) % rooms_.size();
        --rooms_count_;
        is_in_rooms_[slot] = false;
        if (client_->has_room(slot)) return true;
    }
    return false;
}

// While a connection is open, requests wait for it. Without one, each failed attempt fails one request.
void OpenLoad::on_connect_failed(Slot, Fault fault, std::uint64_t) {
    last_fault_ = fault;
    if (start_ns_ != 0 && backlog_count_ != 0 && client_->connected_count() == 0) fail_oldest(fault);
}

}  // namespace sluice::load
