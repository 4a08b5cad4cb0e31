#include "engine/server/server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"
#include "engine/io/backend.hpp"
#include "engine/io/listener.hpp"
#include "engine/server/address_connections.hpp"
#include "engine/server/proxy_loop.hpp"
#include "engine/server/tls_loop.hpp"

namespace sluice {
namespace {

std::time_t wall_clock_s() {
    timespec ts{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &ts);  // a tick's precision is plenty for a Date
    return ts.tv_sec;
}

// How long memory for bodies may be free before it is given back to the system; twice that at most.
constexpr std::uint64_t trim_interval_ns = 2'000'000'000;

}  // namespace

Server::Server(const ServerSettings& settings, http::Application& application, Callbacks& callbacks)
    : settings_(settings),
      callbacks_(callbacks),
      blocks_(limits::output_blocks_count_max),
      bodies_(settings.body_memory_bytes),
      heads_(settings.loop.slots_count_max),
      pendings_(limits::pendings_count_max),
      renderer_(settings.prepared, settings.cors),
      context_{settings_.http, blocks_, bodies_, heads_, pendings_, renderer_, application, counters_},
      connections_(settings.loop.slots_count_max),
      slots_(settings.loop.slots_count_max),
      places_(settings.addresses.connections == nullptr ? 0 : settings.loop.slots_count_max),
      timers_(settings.loop.slots_count_max) {
    for (auto* list : {&touched_, &blocked_}) list->reserve(settings.loop.slots_count_max);
}

Server::~Server() = default;

std::expected<void, io::LoopError> Server::open(std::vector<Listener> listeners, TlsSettings tls) {
    const auto make_loop = [this](const io::LoopSettings& settings, io::Events& events) {
        return io::open_loop(settings_.backend, settings, events);
    };
    return open(std::move(listeners), make_loop, std::move(tls));
}

std::expected<void, io::LoopError> Server::open(std::vector<Listener> listeners, const LoopFactory& make_loop,
                                                TlsSettings tls) {
    CHECK(loop_ == nullptr);
    io::Events& events = *this;
    std::unique_ptr<TlsLoop> tls_loop;
    if (tls.context != nullptr) tls_loop = std::make_unique<TlsLoop>(settings_.loop, std::move(tls), events);
    io::Events& above = tls_loop == nullptr ? events : tls_loop->events_below();
    std::unique_ptr<ProxyLoop> proxy_loop;
    if (settings_.addresses.takes_proxy_header)
        proxy_loop = std::make_unique<ProxyLoop>(settings_.loop, settings_.addresses, address_counters_, above);
    auto loop = make_loop(settings_.loop, proxy_loop == nullptr ? above : proxy_loop->events_below());
    if (!loop) return std::unexpected(loop.error());
    loop_ = std::move(*loop);
    if (proxy_loop != nullptr) {
        proxy_ = proxy_loop.get();
        proxy_->set_loop(std::exchange(loop_, std::move(proxy_loop)));
    }
    if (tls_loop != nullptr) {
        tls_ = tls_loop.get();
        tls_->set_loop(std::exchange(loop_, std::move(tls_loop)));
    }
    open_loop_.store(loop_.get(), std::memory_order_release);
    renderer_.set_time(wall_clock_s());
    if (!listeners.empty()) listen(std::move(listeners));
    return {};
}

void Server::listen(std::vector<Listener> listeners) {
    CHECK(listeners_.empty() && !listeners.empty() && listeners.size() <= limits::listeners_count_max);
    listeners_ = std::move(listeners);
    std::vector<int> listeners_fd;
    std::uint64_t tls_mask = 0;
    for (const Listener& listener : listeners_) {
        if (listener.is_tls) tls_mask |= std::uint64_t{1} << listeners_fd.size();
        listeners_fd.push_back(listener.socket.get());
    }
    CHECK(tls_mask == 0 || tls_ != nullptr);
    if (tls_ != nullptr) tls_->set_tls_listeners(tls_mask);
    loop_->listen(listeners_fd);
}

void Server::run_once(std::uint64_t deadline_ns) {
    const auto earlier = [](std::uint64_t one_ns, std::uint64_t other_ns) {
        return one_ns == 0 || (other_ns != 0 && other_ns < one_ns) ? other_ns : one_ns;
    };
    loop_->run_once(earlier(earlier(deadline_ns, timers_.next_ns()), earlier(handshakes_end_ns_, trim_ns_)));
}

// --- events --------------------------------------------------------------------------------------------------------

void Server::on_iteration(std::uint64_t now_ns) {
    const io::LoopCounters& loop = loop_->counters();
    if (loop.iterations != 0) iterations_.record(loop.iteration_ns_last);
    look_after_pause(now_ns - std::exchange(context_.now_ns, now_ns));
    renderer_.set_time(wall_clock_s());
    callbacks_.take_completions();
    if (trim_ns_ != 0 && now_ns >= trim_ns_) give_memory_back();
    timers_.advance(now_ns, [this](io::Slot slot) {
        http::Connection& connection = connections_[slot];
        if (connection.deadline_ns(context_) <= context_.now_ns) {
            if (connection.is_sending()) connection.on_unread_bytes(context_, loop_->unread_bytes(slot));
            connection.on_deadline(context_);
            if (connection.awaits_input_check(context_)) check_input(slot);
        }
        touch(slot);
    });
}

void Server::on_open(io::Slot slot, io::ListenerIndex listener) {
    CHECK(listener < listeners_.size() && slots_[slot].link == Link::none);
    slots_[slot].link = Link::open;
    slots_[slot].is_checking = slots_[slot].is_input_empty = false;
    connections_[slot].open(context_, slot, static_cast<std::uint8_t>(listeners_[listener].role));
    touch(slot);
    if (settings_.addresses.connections != nullptr && !takes_place(slot)) on_failed(slot);
}

// Without an answer, which would cost more than the connection. A proxy has as many clients as it has, and a Unix
// socket has no address. Costs system calls, for the peer.
bool Server::takes_place(io::Slot slot) {
    const auto address = ip_address_of_peer(loop_->peer_of(slot));
    if (!address || is_in_any(settings_.addresses.trusted, *address)) return true;
    const IpAddress counted = counted_address(*address);
    if (!settings_.addresses.connections->enter(counted)) {
        ++address_counters_.connections_refused;
        return false;
    }
    places_[slot] = {counted, true};
    return true;
}

void Server::leave_place(io::Slot slot) {
    if (places_[slot].is_counted) settings_.addresses.connections->leave(places_[slot].address);
    places_[slot] = {};
}

bool Server::is_anonymous(Slot slot) const { return proxy_ != nullptr && proxy_->is_anonymous(slot); }

void Server::on_bytes(io::Slot slot, std::span<const char> bytes) {
    slots_[slot].is_input_empty = false;
    connections_[slot].on_bytes(context_, bytes);
    touch(slot);
}

// What it leads to waits until the other events of the iteration are handled: there may be bytes among them.
void Server::on_input_checked(io::Slot slot, bool is_empty) {
    slots_[slot].is_checking = false;
    slots_[slot].is_input_empty = is_empty;
    if (is_empty) touch(slot);  // else bytes or the end of the stream will
}

void Server::on_end_of_stream(io::Slot slot) {
    connections_[slot].on_end_of_stream(context_);
    touch(slot);
}

void Server::on_sent(io::Slot slot) {
    connections_[slot].on_block_sent(context_);
    touch(slot);
}

void Server::on_failed(io::Slot slot) {
    CHECK(slots_[slot].link == Link::open || slots_[slot].link == Link::paused);
    slots_[slot].link = Link::closing;
    loop_->close(slot);
}

void Server::on_closed(io::Slot slot) {
    CHECK(slots_[slot].link == Link::closing);
    slots_[slot].link = Link::none;
    timers_.clear(slot);
    if (settings_.addresses.connections != nullptr) leave_place(slot);
    connections_[slot].release(context_);
}

void Server::on_iteration_end() {
    callbacks_.read_bodies();
    resume_blocked();
    callbacks_.hand_over(context_.now_ns);
    for (const io::Slot slot : touched_) flush(slot);
    touched_.clear();
    if (trim_ns_ == 0 && bodies_.has_free()) trim_ns_ = context_.now_ns + trim_interval_ns;
    if (context_.phase == http::Phase::draining && !listeners_.empty()) end_listening();
}

// --- after the events of an iteration ------------------------------------------------------------------------------

void Server::touch(io::Slot slot) {
    if (std::exchange(slots_[slot].is_touched, true)) return;
    touched_.push_back(slot);
}

// Sends what the connection has to say, and brings the loop and the timer in line with its state.
void Server::flush(io::Slot slot) {
    SlotState& state = slots_[slot];
    http::Connection& connection = connections_[slot];
    state.is_touched = false;
    if (state.link == Link::none || state.link == Link::closing) return;
    CHECK(connection.state() != http::Connection::State::closed);
    if (std::exchange(state.is_input_empty, false)) connection.on_input_empty(context_);
    else if (context_.phase != http::Phase::serving && connection.awaits_input_check(context_)) check_input(slot);
    if (http::OutputBlock* block = connection.start_sending(context_)) loop_->send(slot, block->bytes());
    if (connection.takes_half_close(context_)) loop_->shutdown_send(slot);
    if (connection.must_close()) {
        state.link = Link::closing;
        return loop_->close(slot);
    }
    update_receiving(slot);
    if (connection.has_stash() && !std::exchange(state.is_blocked, true)) blocked_.push_back(slot);
    update_timer(slot);
}

void Server::update_receiving(io::Slot slot) {
    SlotState& state = slots_[slot];
    const bool wants_input = connections_[slot].wants_input();
    if (wants_input && state.link == Link::paused) {
        state.link = Link::open;
        loop_->resume_receive(slot);
    } else if (!wants_input && state.link == Link::open) {
        state.link = Link::paused;
        loop_->pause_receive(slot);
    }
}

// Connections whose stash waits for their answers to leave: tried again in every iteration, since what unblocks
// them (a sent block, a settled batch, a free entry in the table of pending requests) comes as an event.
void Server::resume_blocked() {
    std::size_t kept = 0;
    for (const io::Slot slot : blocked_) {
        http::Connection& connection = connections_[slot];
        SlotState& state = slots_[slot];
        CHECK(state.is_blocked);
        const bool is_alive = state.link == Link::open || state.link == Link::paused;
        if (is_alive && connection.has_stash()) {
            connection.resume(context_);
            touch(slot);
        }
        state.is_blocked = connection.has_stash();
        if (state.is_blocked) blocked_[kept++] = slot;
    }
    blocked_.resize(kept);
}

// A timer that fires too early only looks again, so it is moved only when it would fire too late: a busy keep-alive
// connection sets its timer once in a long while.
void Server::update_timer(io::Slot slot) {
    const std::uint64_t deadline_ns = connections_[slot].deadline_ns(context_);
    const std::uint64_t set_ns = timers_.deadline_ns(slot);
    if (set_ns == 0 || deadline_ns < set_ns) timers_.set(slot, deadline_ns, context_.now_ns);
}

// What was free for a whole interval, in steps that keep nobody waiting.
void Server::give_memory_back() {
    constexpr std::size_t step_bytes = 2 * limits::mib;
    constexpr std::uint64_t step_interval_ns = 2'000'000;
    if (!is_trimming_) bodies_.look_at_use();
    is_trimming_ = bodies_.unmap_unused(step_bytes);
    if (is_trimming_) trim_ns_ = context_.now_ns + step_interval_ns;
    else trim_ns_ = bodies_.has_free() ? context_.now_ns + trim_interval_ns : 0;
}

void Server::complete(RequestRef ref) {
    http::Pending* pending = pendings_.find(ref);
    if (pending == nullptr) return;
    pending->is_ready = true;
    pending->ready_ns = context_.now_ns;
    const io::Slot slot = pending->connection;
    connections_[slot].on_ready(context_, ref.index);
    touch(slot);
}

void Server::take_body_back(RequestRef ref) {
    http::Pending* pending = pendings_.find(ref);
    if (pending == nullptr) return;
    connections_[pending->connection].take_body_back(context_);
    touch(pending->connection);
}

// --- drain -----------------------------------------------------------------------------------------------------------

void Server::begin_lame_duck() { context_.phase = http::Phase::lame_duck; }

// A process that was stopped for a while finds requests and the signal to end at the same time. The requests must not
// be answered as if the connections went on. A busy loop never looks: the order to drain comes soon enough.
void Server::look_after_pause(std::uint64_t pause_ns) {
    constexpr std::uint64_t pause_ns_min = 1'000'000;
    if (pause_ns < pause_ns_min || context_.phase != http::Phase::serving) return;
    if (callbacks_.is_to_stop()) begin_lame_duck();
}

void Server::drain() {
    context_.phase = http::Phase::draining;
    context_.drain_begin_ns = handshakes_end_ns_ = context_.now_ns;
    for (const Listener& listener : listeners_) {
        if (listener.is_shared) continue;
        io::drop_handshakes(listener.socket);
        handshakes_end_ns_ = std::max(handshakes_end_ns_, context_.now_ns + io::handshake_ns_max(listener.socket));
    }
    for (io::Slot slot = 0; slot < settings_.loop.slots_count_max; ++slot)
        if (connections_[slot].state() != http::Connection::State::closed) touch(slot);
}

void Server::give_up() {
    for (io::Slot slot = 0; slot < settings_.loop.slots_count_max; ++slot) {
        if (connections_[slot].state() == http::Connection::State::closed) continue;
        connections_[slot].give_up(context_);
        touch(slot);
    }
}

// Asked in each iteration of a drain, until the listeners are closed.
void Server::end_listening() {
    if (context_.now_ns < handshakes_end_ns_) return;
    handshakes_end_ns_ = 0;
    loop_->stop_listening();
    if (loop_->is_listening()) return;
    // Whoever connects from now on is refused, rather than left waiting in a backlog that nobody reads.
    for (const Listener& listener : listeners_)
        if (!listener.is_shared) ::shutdown(listener.socket.get(), SHUT_RDWR);
    listeners_.clear();
}

// Whether bytes wait in the kernel that this connection has not seen.
void Server::check_input(io::Slot slot) {
    SlotState& state = slots_[slot];
    const bool is_alive = state.link == Link::open || state.link == Link::paused;
    if (is_alive && !std::exchange(state.is_checking, true)) loop_->check_input(slot);
}

}  // namespace sluice
