#include "tools/load/run/load_thread.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "engine/core/clock.hpp"
#include "tools/load/plan/endpoint_rows.hpp"
#include "tools/load/run/closed_load.hpp"
#include "tools/load/run/open_load.hpp"

namespace sluice::load {
namespace {

constexpr std::uint64_t start_look_interval_ns = 1'000'000;
constexpr std::uint64_t opening_ns_max = 10'000'000'000;
constexpr std::uint64_t stop_look_interval_ns = 100'000'000;
// How long an interrupted run waits for its requests in flight.
constexpr std::uint64_t drain_ns_max = 1'000'000'000;
// A user who comes this late may end without a connection, and that is no fault of the server.
constexpr std::uint64_t connecting_ns_max = 1'000'000'000;
constexpr std::int64_t preemptions_per_span_max = 100;

std::uint64_t thread_cpu_ns() {
    timespec ts{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return static_cast<std::uint64_t>(ts.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(ts.tv_nsec);
}

// The kernel rounds the timers of a thread up by 50 µs by default (PR_SET_TIMERSLACK, prctl(2)). That would show as
// lag.
void make_timers_exact() { ::prctl(PR_SET_TIMERSLACK, 1UL); }

// False: there is no such core for this process.
[[nodiscard]] bool pin_to(unsigned core) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    return ::sched_setaffinity(0, sizeof cores, &cores) == 0;
}

// How often another thread took the core from this one.
std::int64_t preempted_count() {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw;
}

std::uint32_t share_of(std::uint32_t count, std::uint32_t thread, std::uint32_t threads_count) {
    return count / threads_count + (thread < count % threads_count ? 1 : 0);
}

}  // namespace

double span_end_after(double second, double warmup_s, double duration_s) {
    const double end_s = warmup_s + duration_s;
    if (second < warmup_s) return std::min(std::floor(second) + 1, warmup_s);
    const double next = warmup_s + std::floor(second - warmup_s) + 1;
    return second < end_s ? std::min(next, end_s) : next;
}

LoadThread::LoadThread(const RunPlan& plan, const std::vector<ServerAddress>& addresses, const tls::ClientContext* tls,
                       std::uint32_t thread, std::optional<unsigned> core, OnAcknowledged on_acknowledged)
    : plan_(plan),
      addresses_(addresses),
      tls_(tls),
      thread_(thread),
      core_(core),
      on_acknowledged_(std::move(on_acknowledged)),
      recorder_(endpoint_rows_of(plan).names, tls != nullptr),
      // Spinning would take the core from a server that has none of its own.
      may_spin_(std::thread::hardware_concurrency() > plan.threads_count) {
    thread_of_run_ = std::thread([this] { run(); });
}

LoadThread::~LoadThread() { join(); }

void LoadThread::join() {
    if (thread_of_run_.joinable()) thread_of_run_.join();
}

void LoadThread::run() {
    if (core_ && !pin_to(*core_)) {
        error_ = "cannot pin a load thread to core " + std::to_string(*core_) +
                 ": there is none, or this process may not use it";
        return enter(Phase::failed);
    }
    make_timers_exact();
    try {
        run_pinned();
    } catch (const std::bad_alloc&) {  // of what is allocated before the load
        error_ =
            "there is not enough memory for the buffers of so many connections, so long requests and so deep a "
            "pipeline";
        enter(Phase::failed);
    }
}

void LoadThread::run_pinned() {
    RequestSource source(plan_, thread_);
    const std::uint32_t sockets_count = share_of(plan_.sockets_count(), thread_, plan_.threads_count);
    std::unique_ptr<PacedLoad> load;
    if (plan_.is_open_loop) load = std::make_unique<OpenLoad>(plan_, thread_, sockets_count, recorder_);
    else load = std::make_unique<ClosedLoad>(plan_, thread_, sockets_count, recorder_);
    Client client({.addresses = addresses_,
                   .connections_count = sockets_count,
                   .pipeline_depth = plan_.pipeline_depth,
                   .requests_per_connection_max = plan_.requests_per_connection_max,
                   .timeout_ns = plan_.timeout_ns,
                   .tls = tls_},
                  source, recorder_, *load);
    if (on_acknowledged_) client.on_acknowledged(on_acknowledged_);
    load->attach(client);
    if (const auto opened = client.open(); !opened) {
        error_ = opened.error().sentence;
        return enter(Phase::failed);
    }
    load->open_connections_count();
    wanted_count_ = client.connecting_count() + client.connected_count();
    const std::uint64_t opening_end_ns = monotonic_ns() + std::min(opening_ns_max, plan_.timeout_ns);
    while (client.connecting_count() != 0 && monotonic_ns() < opening_end_ns &&
           !must_stop_.load(std::memory_order_acquire))
        client.run_once(monotonic_ns() + stop_look_interval_ns);
    opened_count_ = client.connected_count();
    connect_failure_ = client.last_connect_failure();
    enter(Phase::ready);
    std::uint64_t start_ns = 0;
    while ((start_ns = start_ns_.load(std::memory_order_acquire)) == 0 && !must_stop_.load(std::memory_order_acquire))
        client.run_once(monotonic_ns() + start_look_interval_ns);
    if (start_ns != 0) run_load(client, *load, start_ns);
    if (client.tls() != nullptr) tls_outcome_ = {client.tls()->agreed(), client.tls()->failures()};
    enter(Phase::finished);
}

void LoadThread::plan_measurement(std::uint64_t start_ns) {
    if (plan_.requests_count_max != 0) {
        const double schedule_s = static_cast<double>(plan_.requests_count_max) / plan_.arrivals.rate.level_max();
        if (plan_.is_open_loop)
            recorder_.plan({.in_time_until_ns = start_ns + static_cast<std::uint64_t>(schedule_s * 1e9) + late_ns_max});
        return;
    }
    const auto duration_ns = static_cast<std::uint64_t>(plan_.duration_s * 1e9);
    const std::uint64_t end_ns = start_ns + static_cast<std::uint64_t>(plan_.warmup_s * 1e9) + duration_ns;
    recorder_.plan(
        {.second_half_ns = end_ns - duration_ns / 2, .end_ns = end_ns, .in_time_until_ns = end_ns + late_ns_max});
}

void LoadThread::run_load(Client& client, PacedLoad& load, std::uint64_t start_ns) {
    load.start(start_ns);
    const auto since_start_s = [&](std::uint64_t now_ns) {
        return now_ns <= start_ns ? 0.0 : static_cast<double>(now_ns - start_ns) / 1e9;
    };
    const auto span_end_ns = [&](double second) {
        return start_ns + static_cast<std::uint64_t>(span_end_after(second, plan_.warmup_s, plan_.duration_s) * 1e9);
    };
    while (monotonic_ns() < start_ns) client.run_once(start_ns);
    run_begin_ns_ = start_ns;
    recorder_.begin(thread_cpu_ns());  // the counts of connecting go: opened_count() tells
    preempted_count_ = preempted_count();
    const std::uint64_t measured_begin_ns = start_ns + static_cast<std::uint64_t>(plan_.warmup_s * 1e9);
    plan_measurement(start_ns);
    std::uint64_t boundary_ns = span_end_ns(0);
    std::uint64_t drain_end_ns = Measurement::never;
    std::uint64_t load_end_ns = 0;
    bool is_loading = true;
    while (true) {
        const std::uint64_t now_ns = monotonic_ns();
        if (now_ns >= boundary_ns) {
            // Requests that fell due before the boundary count before it.
            if (is_loading) is_loading = load.pump(boundary_ns - 1);
            end_span(client, boundary_ns, boundary_ns == measured_begin_ns);
            if (boundary_ns == measured_begin_ns) recorder_.ignore_before(measured_begin_ns);
            boundary_ns = span_end_ns(since_start_s(now_ns) + 1e-9);
        }
        if (stopped_ns_ == 0 && must_stop_.load(std::memory_order_acquire)) {
            stopped_ns_ = now_ns - start_ns;
            drain_end_ns = now_ns + drain_ns_max;
            end_span(client, now_ns, false);
            recorder_.end_measurement(now_ns);
            load.stop();
        }
        is_loading = load.pump(now_ns) && is_loading;
        if (!is_loading) {
            if (load_end_ns == 0) load_end_ns = now_ns;
            client.stop_connecting();
            if (now_ns >= drain_end_ns) client.give_up(Fault::interrupted);
            if (client.in_flight_count() == 0) break;
        }
        const std::uint64_t due_ns = load.next_ns(now_ns);
        const std::uint64_t until_ns = std::min({due_ns, boundary_ns, drain_end_ns, now_ns + stop_look_interval_ns});
        client.run_once(until_ns, until_ns == due_ns && may_spin_ ? plan_.spin_ns : 0);
    }
    served_ = client.served_before(load_end_ns - std::min(load_end_ns, connecting_ns_max));
    end_span(client, monotonic_ns(), true);
}

// `is_needed`: waits until the coordinator has room for the span.
void LoadThread::end_span(Client& client, std::uint64_t end_ns, bool is_needed) {
    // Spinning does not count as work. A thread that is preempted while it spins has used less CPU than it spun.
    const std::uint64_t used_ns = thread_cpu_ns();
    recorder_.add_cpu(used_ns - std::min(used_ns, client.spun_ns()), end_ns <= recorder_.measurement().end_ns);
    const std::uint64_t since_start_ns = end_ns - run_begin_ns_;
    if (is_needed) recorder_.publish_last(since_start_ns, client.connected_count());
    else recorder_.publish(since_start_ns, client.connected_count());
    const std::int64_t preempted = preempted_count();
    if (preempted - preempted_count_ > preemptions_per_span_max) may_spin_ = false;
    preempted_count_ = preempted;
}

}  // namespace sluice::load
