#include "engine/io/epoll_loop.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/io/operation_result.hpp"
#include "engine/io/peer_name.hpp"
#include "engine/io/send_queue.hpp"

namespace sluice::io {
namespace {

constexpr std::size_t events_per_wait_max = 512;
// Of one connection in an iteration. io_uring's multishot receive takes 32; recv(2) copies within this thread's time.
constexpr int receives_per_turn_max = 8;
// Of one iteration: what waits longer is reported again by the next wait.
constexpr int accepts_per_turn_max = 256;

// What an event is about: a slot, a listener (its index is in the lower bits), or the waker.
constexpr std::uint64_t kind_shift = 32;
constexpr std::uint64_t listener_data = std::uint64_t{1} << kind_shift;
constexpr std::uint64_t wake_data = std::uint64_t{2} << kind_shift;

// Of the process's descriptors all but `spare_count`; under a low limit, all but a quarter.
std::uint32_t descriptors_count_max(std::uint32_t spare_count) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = 1024;
    const auto count = static_cast<std::uint32_t>(std::min<rlim_t>(limit.rlim_cur, 1u << 30));
    return count - std::min(spare_count, count / 4);
}

int result_of(ssize_t returned) { return returned < 0 ? -errno : static_cast<int>(returned); }

}  // namespace

std::expected<std::unique_ptr<Loop>, LoopError> EpollLoop::open(const LoopSettings& settings, Events& events) {
    const auto failed = [] {
        return std::unexpected(
            LoopError{std::string("the event loop could not be set up: ") + std::strerror(errno), false});
    };
    Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.is_open()) return failed();
    auto waker = Waker::open(Waker::Read::returns_at_once);
    if (!waker) return failed();
    std::unique_ptr<EpollLoop> loop(new EpollLoop(settings, events, std::move(*waker), std::move(epoll)));
    // Edge-triggered, so that nobody needs to read it: each write is an edge.
    if (!loop->watch(loop->waker_.fd(), EPOLLIN | EPOLLET, wake_data)) return failed();
    return loop;
}

EpollLoop::EpollLoop(const LoopSettings& settings, Events& events, Waker waker, Descriptor epoll)
    : LoopBase(settings, events, std::move(waker), "edge_triggered"),
      sockets_(settings.slots_count_max),
      descriptors_(settings.slots_count_max),
      buffer_(settings.receive_buffer_bytes + settings.padding_bytes),
      ready_(events_per_wait_max),
      epoll_(std::move(epoll)),
      descriptors_count_max_(descriptors_count_max(settings.spare_descriptors_count)) {
    for (auto* list : {&free_slots_, &due_, &due_before_, &closing_}) list->reserve(settings.slots_count_max);
    for (Slot slot = settings.slots_count_max; slot-- > 0;) free_slots_.push_back(slot);
}

EpollLoop::~EpollLoop() = default;

bool EpollLoop::watch(int fd, std::uint32_t events, std::uint64_t data) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = data;
    return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

// --- one iteration ---------------------------------------------------------------------------------------------------

void EpollLoop::run_once(std::uint64_t deadline_ns) {
    end_iteration();
    const std::size_t closed_count = closing_.size();
    wait(deadline_ns);
    begin_iteration();
    finish_closing(closed_count);  // those that were closed before the wait: no event of it is theirs
    for (std::size_t i = 0; i < ready_count_; ++i) dispatch(ready_[i]);
    serve_due();
    accept_if_possible();
    if (is_stopping_ && is_accepting_) stop_when_empty();
    events_.on_iteration_end();
}

void EpollLoop::wait(std::uint64_t deadline_ns) {
    const int count = ::epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), wait_ms(deadline_ns));
    CHECK(count >= 0 || errno == EINTR);  // epoll_wait(2) has no other error that is not a bug of ours
    ready_count_ = count > 0 ? static_cast<std::size_t>(count) : 0;
}

// Milliseconds, rounded up: deadlines are never early, and a millisecond is little beside the timers' 134.
int EpollLoop::wait_ms(std::uint64_t deadline_ns) const {
    if (!due_.empty() || !closing_.empty()) return 0;
    const std::uint64_t until_ns = gate_.earlier(deadline_ns);
    if (until_ns == 0) return -1;
    if (until_ns <= iteration_end_ns_) return 0;
    constexpr std::uint64_t ms = 1'000'000;
    return static_cast<int>(
        std::min<std::uint64_t>((until_ns - iteration_end_ns_ + ms - 1) / ms, std::numeric_limits<int>::max()));
}

void EpollLoop::dispatch(const epoll_event& event) {
    if (event.data.u64 == wake_data) return;  // the wait has ended, which is all
    if (event.data.u64 >> kind_shift == listener_data >> kind_shift)
        return accept_some(static_cast<ListenerIndex>(event.data.u64));
    const auto slot = static_cast<Slot>(event.data.u64);
    Socket& socket = sockets_[slot];
    CHECK(slot < settings_.slots_count_max && socket.life != Life::closed);
    if (socket.life == Life::closing) return;  // by an event of this iteration
    if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) socket.input = Input::hung_up;
    else if ((event.events & EPOLLIN) != 0 && socket.input == Input::empty) socket.input = Input::readable;
    if ((event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0 && socket.send_bytes != 0) send_some(slot);
    make_due(slot);
}

void EpollLoop::make_due(Slot slot) {
    Socket& socket = sockets_[slot];
    const bool may_receive = socket.input != Input::empty && socket.is_receive_wanted;
    const bool has_notice = socket.notice == Notice::sent || socket.notice == Notice::failure;
    const bool is_wanted = may_receive || has_notice || socket.is_check_due;
    if (socket.is_due || socket.life != Life::open || !is_wanted) return;
    socket.is_due = true;
    due_.push_back(slot);
}

// Tells what has happened to a slot, then receives; a slot that has more to receive is due again.
void EpollLoop::serve_due() {
    due_before_.swap(due_);
    for (const Slot slot : due_before_) {
        sockets_[slot].is_due = false;
        tell(slot);
        receive(slot);
        answer_check(slot);
    }
    due_before_.clear();
}

void EpollLoop::tell(Slot slot) {
    Socket& socket = sockets_[slot];
    if (socket.life != Life::open) return;
    if (socket.notice == Notice::sent) {
        socket.notice = Notice::none;
        events_.on_sent(slot);
    } else if (socket.notice == Notice::failure) {
        socket.notice = Notice::failure_told;
        events_.on_failed(slot);
    }
}

void EpollLoop::finish_closing(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const Slot slot = closing_[i];
        CHECK(sockets_[slot].life == Life::closing);
        sockets_[slot].life = Life::closed;
        count_closed();
        free_slots_.push_back(slot);
        events_.on_closed(slot);
    }
    closing_.erase(closing_.begin(), closing_.begin() + static_cast<std::ptrdiff_t>(count));
}

// --- accept ----------------------------------------------------------------------------------------------------------

void EpollLoop::listen(std::span<const int> listeners_fd) {
    CHECK(!is_accepting_ && listeners_fd_.empty() && listeners_fd.size() <= limits::listeners_count_max);
    listeners_fd_.assign(listeners_fd.begin(), listeners_fd.end());
    is_accepting_ = true;
    for (const int fd : listeners_fd_) CHECK(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
    watch_listeners();
}

void EpollLoop::stop_listening() {
    is_stopping_ = true;
    if (is_accepting_) stop_when_empty();
}

// Who waits is reported by the next wait, or the gate is shut until slots or descriptors are free.
void EpollLoop::stop_when_empty() {
    if (!is_backlog_empty(listeners_fd_)) return;
    if (gate_.state() == AcceptGate::State::open) unwatch_listeners();
    is_accepting_ = false;
    gate_.open();
}

// ENOSPC (fs.epoll.max_user_watches) and ENOMEM: nobody is accepted for a while, as without descriptors.
void EpollLoop::watch_listeners() {
    for (std::size_t i = 0; i < listeners_fd_.size(); ++i) {
        if (watch(listeners_fd_[i], EPOLLIN, listener_data | i)) continue;
        CHECK(errno == ENOSPC || errno == ENOMEM);
        return pause_accept(true);
    }
}

void EpollLoop::unwatch_listeners() {
    epoll_event ignored{};  // kernels before 2.6.9 want one
    for (const int fd : listeners_fd_) {
        const bool was_watched = ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &ignored) == 0;
        CHECK(was_watched || errno == ENOENT);  // not: watch_listeners() had no room for it
    }
}

// Nobody is turned away: an accept4(2) that finds no descriptor leaves the connection in the backlog, and none is made
// when no slot is free.
void EpollLoop::accept_some(ListenerIndex listener) {
    for (int i = 0; i < accepts_per_turn_max; ++i) {
        // Another listener's event, or the server, may have ended accepting in this iteration.
        if (!is_accepting_ || gate_.state() != AcceptGate::State::open) return;
        if (free_slots_.empty()) return pause_accept(false);
        const int result =
            result_of(::accept4(listeners_fd_[listener], nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (result == -EAGAIN) return;
        switch (accept_outcome(result)) {
            case AcceptOutcome::accepted:
                open_slot(Descriptor(result), listener);
                if (!leaves_enough(result)) return pause_accept(true);
                break;
            case AcceptOutcome::exhausted: return pause_accept(true);
            case AcceptOutcome::again: ++counters_.accept_errors; break;
            case AcceptOutcome::stopped:
            case AcceptOutcome::fatal: CHECK(false && "the listener is broken");
        }
    }
}

void EpollLoop::pause_accept(bool is_exhausted) {
    if (!is_accepting_) return;  // the server stopped when it was told of the last one
    ++counters_.accept_pauses;
    if (is_exhausted) gate_.shut_when_exhausted(free_slots_.size(), counters_.open_slots, now_ns_);
    else gate_.shut_when_full(counters_.open_slots);
    unwatch_listeners();
}

// The kernel gives the lowest number that is free, so a high one says that few are left.
bool EpollLoop::leaves_enough(int fd) const { return static_cast<std::uint32_t>(fd) + 1 < descriptors_count_max_; }

bool EpollLoop::may_take_descriptors() const {
    const Descriptor probe(::fcntl(waker_.fd(), F_DUPFD_CLOEXEC, 0));
    return probe.is_open() && leaves_enough(probe.get());
}

void EpollLoop::accept_if_possible() {
    if (!is_accepting_ || gate_.state() == AcceptGate::State::open) return;
    if (!gate_.may_open(free_slots_.size(), now_ns_)) return;
    if (!may_take_descriptors()) return gate_.prolong(free_slots_.size(), now_ns_);
    gate_.open();
    watch_listeners();
}

void EpollLoop::open_slot(Descriptor descriptor, ListenerIndex listener) {
    CHECK(!free_slots_.empty());
    const Slot slot = free_slots_.back();
    free_slots_.pop_back();
    Socket& socket = sockets_[slot];
    CHECK(socket.life == Life::closed);
    const bool is_due = socket.is_due;  // as what the slot was before
    socket = Socket{};
    socket.is_due = is_due;
    socket.life = Life::open;
    socket.is_receive_wanted = true;
    count_opened();
    descriptors_.put(slot, std::move(descriptor));
    // ENOSPC (fs.epoll.max_user_watches) and ENOMEM: the connection fails, which the server learns after on_open.
    const bool is_watched = watch(descriptors_.get(slot), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, slot);
    events_.on_open(slot, listener);
    if (!is_watched) fail(slot);
}

// --- receive ---------------------------------------------------------------------------------------------------------

void EpollLoop::pause_receive(Slot slot) {
    CHECK(sockets_[slot].life == Life::open);
    sockets_[slot].is_receive_wanted = false;
}

void EpollLoop::resume_receive(Slot slot) {
    Socket& socket = sockets_[slot];
    CHECK(socket.life == Life::open);
    socket.is_receive_wanted = socket.notice < Notice::failure;
    make_due(slot);
}

void EpollLoop::receive(Slot slot) {
    Socket& socket = sockets_[slot];
    const std::size_t room = buffer_.size() - settings_.padding_bytes;
    for (int i = 0; i < receives_per_turn_max; ++i) {
        if (socket.life != Life::open || socket.notice >= Notice::failure) return;
        if (!socket.is_receive_wanted || socket.input == Input::empty) return;
        const int result = result_of(::recv(descriptors_.get(slot), buffer_.data(), room, 0));
        if (result > 0) {
            const bool is_emptied = static_cast<std::size_t>(result) < room && socket.input == Input::readable;
            if (is_emptied) socket.input = Input::empty;
            counters_.received_bytes += static_cast<std::size_t>(result);
            ++counters_.receives;
            events_.on_bytes(slot, {buffer_.data(), static_cast<std::size_t>(result)});
        } else {
            receive_ended(slot, result);
        }
    }
    make_due(slot);
}

// Always called back from the next iteration at the latest, as make_due() keeps the loop awake.
void EpollLoop::check_input(Slot slot) {
    CHECK(sockets_[slot].life == Life::open);
    sockets_[slot].is_check_due = true;
    make_due(slot);
}

// After the receives of this turn. What is left now, an edge has reported or will.
void EpollLoop::answer_check(Slot slot) {
    Socket& socket = sockets_[slot];
    if (socket.life != Life::open || !std::exchange(socket.is_check_due, false)) return;
    char peeked = 0;
    const int result = result_of(::recv(descriptors_.get(slot), &peeked, sizeof peeked, MSG_PEEK | MSG_DONTWAIT));
    switch (input_check_outcome(result)) {
        case InputCheckOutcome::empty: return events_.on_input_checked(slot, true);
        case InputCheckOutcome::waiting: return events_.on_input_checked(slot, false);
        case InputCheckOutcome::again: return check_input(slot);
        case InputCheckOutcome::cancelled:
        case InputCheckOutcome::failed: return fail(slot);
    }
}

// A receive that brought no bytes.
void EpollLoop::receive_ended(Slot slot, int result) {
    Socket& socket = sockets_[slot];
    switch (receive_outcome(result)) {
        case ReceiveOutcome::end_of_stream:
            socket.input = Input::empty;
            socket.is_receive_wanted = false;
            events_.on_end_of_stream(slot);
            break;
        case ReceiveOutcome::again:
            if (result == -EAGAIN) socket.input = Input::empty;
            break;
        case ReceiveOutcome::bytes:
        case ReceiveOutcome::starved:
        case ReceiveOutcome::cancelled:
        case ReceiveOutcome::failed:
            socket.input = Input::empty;
            fail(slot);
            break;
    }
}

// --- send and close --------------------------------------------------------------------------------------------------

void EpollLoop::send(Slot slot, std::span<const char> bytes) {
    Socket& socket = sockets_[slot];
    CHECK(socket.life == Life::open && socket.send_begin == nullptr && !bytes.empty());
    socket.send_begin = bytes.data();
    socket.send_bytes = static_cast<std::uint32_t>(bytes.size());
    if (socket.notice < Notice::failure) send_some(slot);
    make_due(slot);
}

// What finds no room is tried again when an edge says that there is some: the kernel raises one after each send(2) that
// took less than it was given.
void EpollLoop::send_some(Slot slot) {
    Socket& socket = sockets_[slot];
    const int fd = descriptors_.get(slot);
    int result = -EINTR;
    while (result == -EINTR)  // ends: a signal interrupts it once
        result = result_of(::send(fd, socket.send_begin, socket.send_bytes, MSG_NOSIGNAL));
    switch (send_outcome(result)) {
        case SendOutcome::sent:
            counters_.sent_bytes += static_cast<std::size_t>(result);
            socket.send_begin += result;
            socket.send_bytes -= static_cast<std::uint32_t>(result);
            break;
        case SendOutcome::again: return;
        case SendOutcome::cancelled:
        case SendOutcome::failed: return fail(slot);
    }
    if (socket.send_bytes != 0) return;
    socket.send_begin = nullptr;
    if (socket.notice == Notice::none) socket.notice = Notice::sent;
}

// The server is told once, in this iteration or the next.
void EpollLoop::fail(Slot slot) {
    Socket& socket = sockets_[slot];
    if (socket.life != Life::open || socket.notice >= Notice::failure) return;
    socket.notice = Notice::failure;
    socket.is_receive_wanted = false;
    socket.send_bytes = 0;
    make_due(slot);
}

void EpollLoop::shutdown_send(Slot slot) {
    if (sockets_[slot].life != Life::open) return;
    const int result = result_of(::shutdown(descriptors_.get(slot), SHUT_WR));
    if (shutdown_outcome(result) == ShutdownOutcome::failed) fail(slot);
}

std::string EpollLoop::peer_of(Slot slot) {
    return sockets_[slot].life == Life::open ? peer_name(descriptors_.get(slot)) : "unknown";
}

std::optional<std::uint64_t> EpollLoop::unread_bytes(Slot slot) {
    if (sockets_[slot].life != Life::open) return std::nullopt;
    return send_queue_bytes(descriptors_.get(slot));
}

// The kernel holds nothing of the slot from here on, and epoll forgets the descriptor with its last close.
void EpollLoop::close(Slot slot) {
    Socket& socket = sockets_[slot];
    CHECK(socket.life != Life::closed);
    if (socket.life != Life::open) return;
    socket.life = Life::closing;
    descriptors_.take(slot).reset();
    closing_.push_back(slot);
}

}  // namespace sluice::io
