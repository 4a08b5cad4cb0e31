#include "tools/load/run/client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"

namespace sluice::load {
namespace {

// Below what any TCP socket takes at once (net.ipv4.tcp_wmem begins with 16 KiB and grows with the connection), so a
// send that leaves no more than this unanswered is taken in whole, and its bytes are free when the answer comes.
constexpr std::size_t quiet_bytes_max = 16 * 1024;
// Small requests that are sealed one by one are less than twice as long as before. A batch of this length is one
// record, which the server needs whole before it answers any part of it.
constexpr std::size_t quiet_sealed_bytes_max = 8 * 1024;

// After one failure the next attempt is made at once. A wait there would be measured as lag.
constexpr unsigned failures_before_wait = 2;
constexpr unsigned failures_counted_max = 250;
constexpr std::uint64_t retry_ns_first = 100'000'000;
constexpr std::uint64_t retry_ns_max = 1'000'000'000;

io::LoopSettings loop_settings(std::uint32_t slots_count) {
    io::LoopSettings settings;
    settings.ring_entries_count = 4096;
    settings.receive_buffers_count = 512;
    settings.receive_buffer_bytes = 16 * 1024;
    settings.slots_count_max = slots_count;
    return settings;
}

// A complete response, and what was wrong with it.
struct Answer {
    std::uint16_t status;
    std::uint32_t samples_count;
    std::optional<AckLevel> ack;
    std::optional<Fault> fault;
};

void count_answer(const Answer& answer, Counts& counts) {
    ++counts.statuses[answer.status];
    if (answer.fault) {
        ++counts.faults[static_cast<std::size_t>(*answer.fault)];
        return;
    }
    ++counts.succeeded;
    counts.samples += answer.samples_count;
    if (answer.ack) ++counts.acks[static_cast<std::size_t>(*answer.ack)];
}

Fault fault_of_connect(int error) {
    if (error == TlsLink::failed_errno) return Fault::tls;
    return error == ECONNREFUSED ? Fault::refused : Fault::unreachable;
}

// The longest batch of requests that a connection has in flight.
std::size_t batch_bytes_max(const ClientSettings& settings, const RequestSource& source) {
    return settings.pipeline_depth * (source.is_fixed() ? source.fixed_bytes() : source.bytes_max());
}

std::unique_ptr<TlsLink> make_tls(const ClientSettings& settings, const RequestSource& source, Recorder& recorder,
                                  io::ClientEvents& client) {
    if (settings.tls == nullptr) return nullptr;
    return std::make_unique<TlsLink>(*settings.tls,
                                     TlsLinkSettings{.slots_count = settings.connections_count,
                                                     .batch_bytes_max = batch_bytes_max(settings, source),
                                                     .batch_sends_count_max = settings.pipeline_depth},
                                     recorder, client);
}

// A batch of requests is contiguous, so it begins at 0 again where it might not fit before the end. Three times the
// longest batch: the requests in flight, the place that such a return leaves free, and the new batch. With TLS those in
// flight are sealed elsewhere.
std::size_t buffer_bytes_of(const ClientSettings& settings, const RequestSource& source) {
    if (source.is_fixed()) return 0;
    return (settings.tls == nullptr ? 3 : 1) * batch_bytes_max(settings, source);
}

}  // namespace

Client::Client(const ClientSettings& settings, RequestSource& source, Recorder& recorder, Pacer& pacer)
    : settings_(settings),
      source_(source),
      recorder_(recorder),
      pacer_(pacer),
      reader_(source.keeps_bodies()),
      wheel_(settings.connections_count),
      connect_deadlines_(settings.connections_count, settings.timeout_ns),
      answer_deadlines_(std::size_t{settings.connections_count} * settings.pipeline_depth, settings.timeout_ns),
      connections_(settings.connections_count),
      exchanges_(std::size_t{settings.connections_count} * settings.pipeline_depth),
      request_bytes_max_(source.bytes_max()),
      buffer_bytes_(buffer_bytes_of(settings, source)),
      quiet_bytes_max_(settings.tls == nullptr ? quiet_bytes_max : quiet_sealed_bytes_max),
      buffers_(new char[buffer_bytes_ * settings.connections_count]) {
    dirty_.reserve(settings.connections_count);
    tls_ = make_tls(settings, source, recorder, *this);
}

Client::~Client() = default;

std::expected<void, io::LoopError> Client::open() {
    io::ClientEvents& events = tls_ == nullptr ? static_cast<io::ClientEvents&>(*this) : *tls_;
    auto loop = io::ClientLoop::open(loop_settings(settings_.connections_count), events);
    if (!loop) return std::unexpected(loop.error());
    loop_ = std::move(*loop);
    if (tls_ != nullptr) tls_->set_loop(*loop_);
    return {};
}

std::uint32_t Client::exchange_place(Slot slot, std::uint32_t index) const {
    const std::uint32_t depth = settings_.pipeline_depth;
    std::uint32_t place = connections_[slot].exchange_first + index;
    if (place >= depth) place -= depth;
    return slot * depth + place;
}

bool Client::is_worn_out(const Connection& connection) const {
    return settings_.requests_per_connection_max != 0 &&
           connection.issued_count >= settings_.requests_per_connection_max;
}

bool Client::has_room(Slot slot) const {
    const Connection& connection = connections_[slot];
    return connection.state == State::ready && !connection.is_sending &&
           connection.in_flight_count < settings_.pipeline_depth && !is_worn_out(connection);
}

// --- sending ----------------------------------------------------------------------------------------

void Client::issue(Slot slot, std::uint64_t intended_ns) {
    DCHECK(has_room(slot));
    Connection& connection = connections_[slot];
    Exchange& request = exchange(slot, connection.in_flight_count);
    request = {.intended_ns = intended_ns,
               .sendable_ns = connection.sendable_ns,
               .sent_ns = 0,
               .identity = {},
               .bytes = 0,
               .endpoint = source_.next_endpoint()};
    if (connection.unsent_count == 0) {
        if (source_.is_fixed() || buffer_bytes_ - connection.out_end < settings_.pipeline_depth * request_bytes_max_)
            connection.out_end = 0;  // with TLS always: what was sent is sealed
        connection.out_begin = connection.out_end;
    }
    if (source_.is_fixed()) {
        request.bytes = static_cast<std::uint32_t>(source_.fixed_bytes());
        request.identity.samples_count = source_.samples_count();
    } else {
        request.bytes = static_cast<std::uint32_t>(
            source_.render(request.endpoint, slot, buffer(slot) + connection.out_end, request.identity));
    }
    connection.out_end += request.bytes;
    ++connection.in_flight_count;
    ++connection.unsent_count;
    ++connection.issued_count;
    ++in_flight_count_;
    mark_dirty(slot);
}

void Client::mark_dirty(Slot slot) {
    if (connections_[slot].is_queued) return;
    connections_[slot].is_queued = true;
    dirty_.push_back(slot);
}

void Client::fail_unsent(Fault fault, std::uint64_t intended_ns) {
    const std::uint64_t now_ns = monotonic_ns();
    recorder_.count_fault(fault, intended_ns, now_ns);
    if (fault == Fault::never_sent) recorder_.record_never_sent(intended_ns, now_ns);
}

void Client::flush() {
    if (dirty_.empty()) return;
    const std::uint64_t now_ns = monotonic_ns();
    for (const Slot slot : dirty_) {
        connections_[slot].is_queued = false;
        if (connections_[slot].unsent_count != 0) flush(slot, now_ns);
    }
    dirty_.clear();
}

void Client::flush(Slot slot, std::uint64_t now_ns) {
    Connection& connection = connections_[slot];
    const std::size_t bytes_count = connection.out_end - connection.out_begin;
    const char* const bytes = source_.is_fixed() ? source_.fixed() : buffer(slot) + connection.out_begin;
    connection.unanswered_bytes += bytes_count;
    connection.is_sending = connection.unanswered_bytes > quiet_bytes_max_;
    const io::Notice notice = connection.is_sending ? io::Notice::when_sent : io::Notice::none;
    if (tls_ == nullptr) loop_->send(slot, {bytes, bytes_count}, notice);
    else now_ns = tls_->send(slot, {bytes, bytes_count}, notice);  // sealing those before it took its time

    recorder_.counts().sent_bytes += bytes_count;
    for (std::uint32_t index = connection.in_flight_count - connection.unsent_count; index < connection.in_flight_count;
         ++index) {
        Exchange& request = exchange(slot, index);
        request.sent_ns = now_ns;
        answer_deadlines_.push(exchange_place(slot, index), now_ns);
        ++recorder_.counts_of(request.intended_ns).sent;
        ++recorder_.endpoint_counts_of(request.intended_ns, source_.row_of(request.endpoint)).sent;
        recorder_.record_lag(request.intended_ns, request.sendable_ns, now_ns,
                             backed_off_ns(connection, request.intended_ns));
    }
    connection.unsent_count = 0;
    connection.out_begin = connection.out_end;
}

void Client::on_sent(Slot slot) {
    connections_[slot].is_sending = false;
    if (has_room(slot)) pacer_.on_room(slot, monotonic_ns());
}

void Client::run_once(std::uint64_t deadline_ns, std::uint64_t spin_ns) {
    flush();
    std::uint64_t timer_ns = std::min(answer_deadlines_.next_ns(), connect_deadlines_.next_ns());
    if (waiting_count_ != 0) timer_ns = std::min(timer_ns, wheel_.next_ns());
    const bool is_timer_next = timer_ns < deadline_ns;
    loop_->run_once(is_timer_next ? timer_ns : deadline_ns, is_timer_next ? 0 : spin_ns);
    if (tls_ != nullptr) tls_->tell_broken();
    expire(monotonic_ns());
}

// Each call takes the item out of its queue.
void Client::expire(std::uint64_t now_ns) {
    while (const auto place = answer_deadlines_.expired(now_ns))
        break_off(static_cast<Slot>(*place / settings_.pipeline_depth), Fault::timeout);
    while (const auto expired = connect_deadlines_.expired(now_ns)) {
        const auto slot = static_cast<Slot>(*expired);
        connect_failed(slot, tls_ == nullptr ? ETIMEDOUT : tls_->count_late(slot));
    }
    wheel_.advance(now_ns, [&](Slot slot) { retry(slot, now_ns); });
}

// --- receiving --------------------------------------------------------------------------------------

void Client::on_bytes(Slot slot, std::span<const char> bytes) {
    const std::uint64_t now_ns = monotonic_ns();
    recorder_.counts().received_bytes += bytes.size();
    Connection& connection = connections_[slot];
    while (!bytes.empty() && connection.state == State::ready) {
        // An answer that nobody asked for; some servers send 408 before they close an idle connection.
        if (connection.in_flight_count == connection.unsent_count) {
            ++recorder_.counts().unsolicited;
            return break_off(slot, Fault::malformed);
        }
        const auto result = reader_.read(connection.response, bytes, source_.is_head(exchange(slot, 0).endpoint));
        bytes = bytes.subspan(result.consumed_bytes);
        switch (result.event) {
            case ResponseReader::Event::need_more: break;
            case ResponseReader::Event::interim: ++recorder_.counts().statuses[result.status]; break;
            case ResponseReader::Event::response: finish(slot, result, now_ns); break;
            case ResponseReader::Event::malformed: return break_off(slot, Fault::malformed);
            case ResponseReader::Event::too_large: return break_off(slot, Fault::too_large);
        }
    }
}

Ending Client::judge(const Exchange& request, const ResponseReader::Result& result, std::uint64_t done_ns) {
    const std::uint16_t row_index = source_.row_of(request.endpoint);
    Answer answer{
        .status = result.status, .samples_count = request.identity.samples_count, .ack = result.ack, .fault = {}};
    if (!source_.is_good_status(request.endpoint, result.status)) answer.fault = Fault::bad_status;
    else if (!source_.is_whole(request.endpoint, result.body) || !source_.is_good_body(request.endpoint, result.body))
        answer.fault = Fault::bad_body;
    recorder_.count_response(request.intended_ns, done_ns);
    count_answer(answer, recorder_.counts_of(request.intended_ns));
    if (row_index != Ending::no_row) {
        Counts& counts = recorder_.endpoint_counts_of(request.intended_ns, row_index);
        ++counts.responses;
        count_answer(answer, counts);
    }
    // 207 (Multi-Status), or a partial success: some of the batch was refused, so not all of it was acknowledged.
    const bool is_acknowledged = result.status >= 200 && result.status <= 299 && result.status != 207 &&
                                 source_.is_whole(request.endpoint, result.body);
    if (on_acknowledged_ && is_acknowledged) on_acknowledged_(request.identity);
    return {.row_index = row_index, .is_success = !answer.fault};
}

// An answer that is complete behind its deadline comes too late, however late this thread itself was.
void Client::finish(Slot slot, const ResponseReader::Result& result, std::uint64_t done_ns) {
    Connection& connection = connections_[slot];
    const Exchange& request = exchange(slot, 0);
    if (done_ns > request.sent_ns + settings_.timeout_ns) return break_off(slot, Fault::timeout);
    answered_ns_ = done_ns;
    answer_deadlines_.remove(exchange_place(slot, 0));
    recorder_.record(request.intended_ns, request.sent_ns, done_ns, judge(request, result, done_ns));
    const bool had_room = has_room(slot);
    connection.failures_count = 0;
    connection.unanswered_bytes -= request.bytes;
    connection.exchange_first =
        connection.exchange_first + 1 == settings_.pipeline_depth ? 0 : connection.exchange_first + 1;
    --connection.in_flight_count;
    --in_flight_count_;
    if (!had_room) connection.sendable_ns = done_ns;

    if (!result.keeps_alive) break_off(slot, Fault::closed_early);  // what was pipelined behind it
    else if (connection.in_flight_count == 0 && is_worn_out(connection)) close(slot, true);
    pacer_.on_finished(slot, done_ns);
    if (has_room(slot)) pacer_.on_room(slot, done_ns);
}

void Client::on_ended(Slot slot) {
    Connection& connection = connections_[slot];
    if (connection.state != State::ready) return;
    if (connection.in_flight_count > connection.unsent_count) {
        const auto result = reader_.read_end(connection.response);
        if (result.event == ResponseReader::Event::response) {
            finish(slot, result, monotonic_ns());
            if (connection.state != State::ready) return;
        }
    }
    break_off(slot, Fault::closed_early);
}

void Client::on_failed(Slot slot, int error) {
    if (connections_[slot].state == State::connecting) return connect_failed(slot, error);
    if (connections_[slot].state == State::ready)
        break_off(slot, error == TlsLink::failed_errno ? Fault::tls : Fault::reset);
}

// --- connections ------------------------------------------------------------------------------------

void Client::connect(Slot slot) {
    Connection& connection = connections_[slot];
    DCHECK(connection.state == State::none || connection.state == State::waiting);
    if (!may_connect_) {
        connection.state = State::none;
        return;
    }
    const ServerAddress& address = settings_.addresses[next_address_index_++ % settings_.addresses.size()];
    const std::uint64_t now_ns = monotonic_ns();
    connect_deadlines_.push(slot, now_ns);
    if (connection.first_attempt_ns == 0) connection.first_attempt_ns = now_ns;
    connection.state = State::connecting;
    ++connecting_count_;
    if (const auto begun = loop_->connect(slot, address.bytes, address.bytes_count); !begun) {
        connect_failed(slot, begun.error());
    }
}

Client::Served Client::served_before(std::uint64_t ns) const {
    Served served;
    for (const Connection& connection : connections_) {
        if (connection.first_attempt_ns == 0 || connection.first_attempt_ns >= ns) continue;
        ++served.wanted_count;
        served.connected_count += connection.was_connected ? 1 : 0;
    }
    return served;
}

void Client::on_connected(Slot slot) {
    Connection& connection = connections_[slot];
    const std::uint64_t now_ns = monotonic_ns();
    connect_deadlines_.remove(slot);
    --connecting_count_;
    ++connected_count_;
    ++recorder_.counts().connects;
    connection.state = State::ready;
    connection.was_connected = true;
    connection.is_sending = false;
    connection.exchange_first = connection.in_flight_count = connection.unsent_count = 0;
    connection.issued_count = 0;
    connection.out_begin = connection.out_end = connection.unanswered_bytes = 0;
    connection.sendable_ns = now_ns;
    reader_.start(connection.response);
    pacer_.on_room(slot, now_ns);
}

void Client::connect_failed(Slot slot, int error) {
    Connection& connection = connections_[slot];
    const std::uint64_t now_ns = monotonic_ns();
    --connecting_count_;
    last_connect_error_ = error;
    count_failure(connection);
    connection.state = State::closing;
    connection.reconnects = true;
    connect_deadlines_.remove(slot);
    if (!loop_->is_open(slot)) on_closed(slot);  // the socket could not even be made
    else end_socket(slot);
    pacer_.on_connect_failed(slot, fault_of_connect(error), now_ns);
}

std::string Client::last_connect_failure() const {
    if (last_connect_error_ == TlsLink::failed_errno && tls_ != nullptr) return "TLS failed: " + tls_->last_failure();
    return last_connect_error_ == 0 ? "" : std::strerror(last_connect_error_);
}

void Client::count_failure(Connection& connection) {
    if (connection.failures_count < failures_counted_max) ++connection.failures_count;
}

// The part of a request's lag that is the last wait of its connection before it was opened. The server might have
// accepted the connection that much earlier, so this part is the generator's own. Before that wait the server had
// refused the connection.
std::uint64_t Client::backed_off_ns(const Connection& connection, std::uint64_t intended_ns) {
    if (connection.wait_end_ns <= intended_ns) return 0;
    return connection.wait_end_ns - std::max(intended_ns, connection.wait_begin_ns);
}

void Client::give_up(Fault fault) {
    for (Slot slot = 0; slot < connections_.size(); ++slot)
        if (connections_[slot].in_flight_count != 0) break_off(slot, fault);
}

// Ends a connection. Its requests in flight fail.
void Client::break_off(Slot slot, Fault fault) {
    Connection& connection = connections_[slot];
    const std::uint32_t failed_count = connection.in_flight_count;
    const std::uint64_t now_ns = monotonic_ns();
    for (std::uint32_t index = 0; index < failed_count; ++index) {
        const Exchange& request = exchange(slot, index);
        const std::uint16_t row_index = source_.row_of(request.endpoint);
        answer_deadlines_.remove(exchange_place(slot, index));
        recorder_.count_fault(fault, request.intended_ns, now_ns);
        ++recorder_.endpoint_counts_of(request.intended_ns, row_index).faults[static_cast<std::size_t>(fault)];
        if (fault == Fault::timeout && request.sent_ns != 0)
            recorder_.record(request.intended_ns, request.sent_ns, now_ns,
                             {.row_index = row_index, .is_success = false});
    }
    // Connections that carry requests are opened as often as the load asks for. Those that carry none wait, so that the
    // server is not flooded with them.
    if (connection.issued_count > connection.unsent_count) connection.failures_count = 0;
    count_failure(connection);
    in_flight_count_ -= failed_count;
    connection.in_flight_count = connection.unsent_count = 0;
    close(slot, true);
    for (std::uint32_t index = 0; index < failed_count; ++index) pacer_.on_finished(slot, now_ns);
}

void Client::close(Slot slot, bool reconnects) {
    Connection& connection = connections_[slot];
    DCHECK(connection.state == State::ready && connection.in_flight_count == 0);
    connection.state = State::closing;
    connection.reconnects = reconnects;
    --connected_count_;
    end_socket(slot);
}

void Client::end_socket(Slot slot) {
    if (tls_ == nullptr) loop_->close(slot);
    else tls_->close(slot);
}

void Client::on_closed(Slot slot) {
    Connection& connection = connections_[slot];
    if (!connection.reconnects || !may_connect_) {
        connection.state = State::none;
        return;
    }
    const std::uint64_t now_ns = monotonic_ns();
    connection.state = State::waiting;
    if (connection.failures_count < failures_before_wait) return connect(slot);
    connection.wait_begin_ns = now_ns;
    const auto doublings = std::min<unsigned>(connection.failures_count - failures_before_wait, 10);
    ++waiting_count_;
    wheel_.set(slot, now_ns + std::min(retry_ns_first << doublings, retry_ns_max), now_ns);
}

// The wait before another attempt is over.
void Client::retry(Slot slot, std::uint64_t now_ns) {
    Connection& connection = connections_[slot];
    DCHECK(connection.state == State::waiting);
    --waiting_count_;
    connection.wait_end_ns = now_ns;
    connect(slot);
}

}  // namespace sluice::load
