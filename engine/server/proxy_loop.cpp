#include "engine/server/proxy_loop.hpp"

#include <algorithm>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/host_port.hpp"

namespace sluice {
namespace {

ProxyOutcome outcome_of(parsers::ProxyFault fault) {
    switch (fault) {
        case parsers::ProxyFault::malformed: break;
        case parsers::ProxyFault::too_long: return ProxyOutcome::too_long;
        case parsers::ProxyFault::checksum: return ProxyOutcome::checksum;
    }
    return ProxyOutcome::malformed;
}

}  // namespace

ProxyLoop::ProxyLoop(const io::LoopSettings& loop, const AddressSettings& settings, AddressCounters& counters,
                     io::Events& events)
    : settings_(settings),
      counters_(counters),
      events_(events),
      connections_(loop.slots_count_max),
      patience_ns_(settings.header_timeout_ns) {}

ProxyLoop::~ProxyLoop() {
    loop_.reset();
    for (std::size_t slot = 0; slot < connections_.size(); ++slot) delete connections_[slot].begun;
}

// --- an iteration --------------------------------------------------------------------------------------------------

std::uint64_t ProxyLoop::next_deadline_ns() const {
    return waiting_.empty() ? 0 : connections_[waiting_.first()].node.since_ns + patience_ns_;
}

void ProxyLoop::run_once(std::uint64_t deadline_ns) {
    const std::uint64_t own_ns = next_deadline_ns();
    loop_->run_once(own_ns == 0 || (deadline_ns != 0 && deadline_ns < own_ns) ? deadline_ns : own_ns);
}

void ProxyLoop::on_iteration(std::uint64_t now_ns) {
    now_ns_ = now_ns;
    events_.on_iteration(now_ns);
    expire();
}

void ProxyLoop::expire() {
    while (!waiting_.empty() && next_deadline_ns() <= now_ns_) refuse(waiting_.first(), ProxyOutcome::timeout);
}

void ProxyLoop::stop_listening() {
    patience_ns_ = std::min(patience_ns_, drain_grace_ns);
    loop_->stop_listening();
}

// --- events of the loop below --------------------------------------------------------------------------------------

void ProxyLoop::on_open(Slot slot, io::ListenerIndex listener) {
    Connection& connection = connections_[slot];
    CHECK(connection.state == State::none && connection.begun == nullptr);
    connection = {};
    connection.state = State::awaiting;
    connection.listener = listener;
    waiting_.add(nodes(), slot, now_ns_);
    const auto peer = ip_address_of_peer(loop_->peer_of(slot));
    if (!peer || !is_in_any(settings_.trusted, *peer)) refuse(slot, ProxyOutcome::untrusted);
}

void ProxyLoop::on_bytes(Slot slot, std::span<const char> bytes) {
    switch (connections_[slot].state) {
        case State::passed: return events_.on_bytes(slot, bytes);
        case State::awaiting: return on_header_bytes(slot, bytes);
        case State::none:
        case State::closing: return;
    }
}

void ProxyLoop::on_end_of_stream(Slot slot) {
    const State state = connections_[slot].state;
    if (state == State::passed) events_.on_end_of_stream(slot);
    else if (state == State::awaiting) refuse(slot, ProxyOutcome::closed);
}

void ProxyLoop::on_failed(Slot slot) {
    const State state = connections_[slot].state;
    if (state == State::passed) events_.on_failed(slot);
    else if (state == State::awaiting) refuse(slot, ProxyOutcome::closed);
}

void ProxyLoop::on_closed(Slot slot) {
    CHECK(connections_[slot].state == State::closing && !connections_[slot].node.is_queued);
    const bool is_known = connections_[slot].is_known;
    connections_[slot] = {};
    if (is_known) events_.on_closed(slot);
}

// --- headers -------------------------------------------------------------------------------------------------------

// What follows a header came with its last bytes, so it is never copied.
void ProxyLoop::on_header_bytes(Slot slot, std::span<const char> bytes) {
    using Progress = parsers::ProxyResult::State;
    Connection& connection = connections_[slot];
    const std::size_t before_bytes = connection.begun == nullptr ? 0 : connection.begun->size();
    std::span<const char> all = bytes;
    if (connection.begun != nullptr) {
        connection.begun->append(bytes.data(), std::min(bytes.size(), parsers::proxy_header_bytes_max - before_bytes));
        all = *connection.begun;
    }
    const parsers::ProxyResult result = parsers::parse_proxy_header(all);
    switch (result.state) {
        case Progress::complete: return pass(slot, result.header, bytes.subspan(result.header.bytes - before_bytes));
        case Progress::faulty: return refuse(slot, outcome_of(result.fault));
        case Progress::need_more: break;
    }
    if (connection.begun == nullptr) connection.begun = new std::string(bytes.data(), bytes.size());
}

void ProxyLoop::pass(Slot slot, const parsers::ProxyHeader& header, std::span<const char> rest) {
    Connection& connection = connections_[slot];
    counters_.count(header.version == 1 ? ProxyOutcome::v1 : ProxyOutcome::v2);
    leave_waiting(slot);
    connection.has_source = header.source.has_value();
    if (header.source) {
        connection.source = header.source->address;
        connection.source_port = header.source->port;
    }
    connection.state = State::passed;
    connection.is_known = true;
    events_.on_open(slot, connection.listener);
    if (connection.state == State::passed && !rest.empty()) events_.on_bytes(slot, rest);
}

void ProxyLoop::leave_waiting(Slot slot) {
    Connection& connection = connections_[slot];
    waiting_.remove(nodes(), slot);
    delete std::exchange(connection.begun, nullptr);
}

// A connection that ends without a word may be a health check.
void ProxyLoop::refuse(Slot slot, ProxyOutcome outcome) {
    CHECK(connections_[slot].state == State::awaiting);
    counters_.count(outcome);
    if (outcome != ProxyOutcome::closed && log::enabled(LogLevel::warn)) log_refusal(slot, outcome);
    leave_waiting(slot);
    connections_[slot].state = State::closing;
    loop_->close(slot);
}

void ProxyLoop::log_refusal(Slot slot, ProxyOutcome outcome) {
    const auto suppressed_count = refusal_log_.admit(now_ns_);
    if (!suppressed_count) return;
    const std::string peer = loop_->peer_of(slot);
    const log::Field fields[]{{"peer", peer}, {"reason", proxy_outcome_words[static_cast<std::size_t>(outcome)]}};
    log::write(LogLevel::warn, "proxy_header_refused", fields, *suppressed_count);
}

// --- calls of the server -------------------------------------------------------------------------------------------

void ProxyLoop::close(Slot slot) {
    connections_[slot].state = State::closing;
    loop_->close(slot);
}

std::string ProxyLoop::peer_of(Slot slot) {
    const Connection& connection = connections_[slot];
    if (!connection.has_source) return loop_->peer_of(slot);
    return join_host_port(format_ip_address(connection.source), connection.source_port);
}

}  // namespace sluice
