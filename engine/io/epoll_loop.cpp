#include "engine/io/epoll_loop.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/io/operation_result.hpp"

namespace sluice::io {
namespace {

constexpr std::size_t events_per_wait_max = 512;
// Of one connection in an iteration. io_uring's multishot receive takes 32; recv(2) copies within this thread's time.
constexpr int receives_per_turn_max = 8;
// Of one iteration: what waits longer is reported again by the next wait.
constexpr int accepts_per_turn_max = 256;

// What an event is about: a slot, or one of these.
constexpr std::uint64_t listener_data = std::uint64_t{1} << 32;
constexpr std::uint64_t wake_data = std::uint64_t{2} << 32;

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
    std::unique_ptr<EpollLoop> loop(new EpollLoop(settings, events));
    if (!loop->set_up())
        return std::unexpected(
            LoopError{std::string("the event loop could not be set up: ") + std::strerror(errno), false});
    return loop;
}

EpollLoop::EpollLoop(const LoopSettings& settings, Events& events)
    : settings_(settings),
      events_(events),
      sockets_(settings.slots_count_max),
      buffer_(settings.receive_buffer_bytes + settings.padding_bytes),
      ready_(events_per_wait_max),
      descriptors_count_max_(descriptors_count_max(settings.spare_descriptors_count)) {
    for (auto* list : {&free_slots_, &due_, &due_before_, &closing_}) list->reserve(settings.slots_count_max);
    for (Slot slot = settings.slots_count_max; slot-- > 0;) free_slots_.push_back(slot);
}

EpollLoop::~EpollLoop() {
    for (Slot slot = 0; slot < settings_.slots_count_max; ++slot)
        if (sockets_[slot].open && !sockets_[slot].closing) ::close(sockets_[slot].fd);
    for (const int fd : last_accepted_) ::close(fd);
    for (const int fd : {epoll_fd_, wake_fd_})
        if (fd >= 0) ::close(fd);
}

bool EpollLoop::set_up() {
    epoll_fd_ = ::epoll_create1(EPOLL_CLOEXEC);
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC);
    iteration_end_ns_ = monotonic_ns();
    // Edge-triggered, so that nobody needs to read it: each write is an edge.
    return epoll_fd_ >= 0 && wake_fd_ >= 0 && watch(wake_fd_, EPOLLIN | EPOLLET, wake_data);
}

bool EpollLoop::watch(int fd, std::uint32_t events, std::uint64_t data) const {
    epoll_event event{};
    event.events = events;
    event.data.u64 = data;
    return ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void EpollLoop::wake() {
    const std::uint64_t one = 1;
    // The counter of an eventfd is full only after 2^64 - 2 wakes; the write cannot block.
    CHECK(::write(wake_fd_, &one, sizeof one) == sizeof one);
}

// --- one iteration ---------------------------------------------------------------------------------------------------

void EpollLoop::run_once(std::uint64_t deadline_ns) {
    end_iteration();
    const std::size_t closed_count = closing_.size();
    wait(deadline_ns);
    now_ns_ = monotonic_ns();
    events_.on_iteration(now_ns_);
    finish_closing(closed_count);  // those that were closed before the wait: no event of it is theirs
    open_last_accepted();
    for (std::size_t i = 0; i < ready_count_; ++i) dispatch(ready_[i]);
    serve_due();
    accept_if_possible();
    events_.on_iteration_end();
}

// What its owner does between two calls counts, too: nothing may keep clients waiting.
void EpollLoop::end_iteration() {
    iteration_end_ns_ = monotonic_ns();
    if (now_ns_ == 0) return;  // there was none yet
    ++counters_.iterations;
    counters_.iteration_ns_last = iteration_end_ns_ - now_ns_;
    counters_.iteration_ns_max = std::max(counters_.iteration_ns_max, counters_.iteration_ns_last);
}

void EpollLoop::wait(std::uint64_t deadline_ns) {
    const int count = ::epoll_wait(epoll_fd_, ready_.data(), static_cast<int>(ready_.size()), wait_ms(deadline_ns));
    CHECK(count >= 0 || errno == EINTR);
    ready_count_ = count > 0 ? static_cast<std::size_t>(count) : 0;
}

// Milliseconds, rounded up: deadlines are never early, and a millisecond is little beside the timers' 134.
int EpollLoop::wait_ms(std::uint64_t deadline_ns) const {
    if (!due_.empty() || !closing_.empty() || !last_accepted_.empty()) return 0;
    std::uint64_t until_ns = deadline_ns;
    if (accept_retry_ns_ != 0 && (until_ns == 0 || accept_retry_ns_ < until_ns)) until_ns = accept_retry_ns_;
    if (until_ns == 0) return -1;
    if (until_ns <= iteration_end_ns_) return 0;
    constexpr std::uint64_t ms = 1'000'000;
    return static_cast<int>(
        std::min<std::uint64_t>((until_ns - iteration_end_ns_ + ms - 1) / ms, std::numeric_limits<int>::max()));
}

void EpollLoop::dispatch(const epoll_event& event) {
    if (event.data.u64 == wake_data) return events_.on_wake();
    if (event.data.u64 == listener_data) return accept_some();
    const auto slot = static_cast<Slot>(event.data.u64);
    Socket& socket = sockets_[slot];
    CHECK(socket.open);
    if (socket.closing) return;  // by an event of this iteration
    if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) socket.has_hung_up = true;
    if ((event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) socket.is_readable = true;
    if ((event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0 && socket.send_bytes != 0) send_some(slot);
    make_due(slot);
}

void EpollLoop::make_due(Slot slot) {
    Socket& socket = sockets_[slot];
    const bool may_receive = socket.is_readable && socket.receive_wanted;
    if (socket.is_due || socket.closing || !(may_receive || socket.has_sent || socket.failure == Failure::due)) return;
    socket.is_due = true;
    due_.push_back(slot);
}

// Tells what has happened to a slot, then receives; a slot that has more to receive is due again.
void EpollLoop::serve_due() {
    due_before_.swap(due_);
    for (const Slot slot : due_before_) {
        Socket& socket = sockets_[slot];
        socket.is_due = false;
        if (socket.closing || socket.failure == Failure::told) continue;
        if (socket.failure == Failure::due) {
            socket.failure = Failure::told;
            events_.on_failed(slot);
            continue;
        }
        if (std::exchange(socket.has_sent, false)) events_.on_sent(slot);
        receive(slot);
    }
    due_before_.clear();
}

void EpollLoop::finish_closing(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const Slot slot = closing_[i];
        sockets_[slot].open = false;
        --counters_.open_slots;
        free_slots_.push_back(slot);
        events_.on_closed(slot);
    }
    closing_.erase(closing_.begin(), closing_.begin() + static_cast<std::ptrdiff_t>(count));
}

// --- accept ----------------------------------------------------------------------------------------------------------

void EpollLoop::listen(int listener_fd) {
    listener_fd_ = listener_fd;
    listening_ = true;
    CHECK(::fcntl(listener_fd_, F_SETFL, ::fcntl(listener_fd_, F_GETFL) | O_NONBLOCK) == 0);
    watch_listener();
}

void EpollLoop::stop_listening() {
    if (listening_ && !is_accept_paused_) {
        take_backlog();
        unwatch_listener();
    }
    listening_ = false;
    accept_retry_ns_ = 0;
}

// Who is connected already is not turned away by the end of the listener, which may come next and resets the backlog.
void EpollLoop::take_backlog() {
    for (std::size_t i = 0; i < free_slots_.size(); ++i) {
        const int fd = ::accept4(listener_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) last_accepted_.push_back(fd);
        if (fd < 0 && (errno == EAGAIN || accept_outcome(-errno) != AcceptOutcome::again)) return;
    }
}

void EpollLoop::open_last_accepted() {
    for (const int fd : last_accepted_) open_slot(fd);
    last_accepted_.clear();
}

void EpollLoop::watch_listener() { CHECK(watch(listener_fd_, EPOLLIN, listener_data)); }

void EpollLoop::unwatch_listener() {
    epoll_event ignored{};  // kernels before 2.6.9 want one
    CHECK(::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, listener_fd_, &ignored) == 0);
}

// Nobody is turned away: an accept4(2) that finds no descriptor leaves the connection in the backlog, and none is made
// when no slot is free.
void EpollLoop::accept_some() {
    if (!listening_) return;
    for (int i = 0; i < accepts_per_turn_max; ++i) {
        if (free_slots_.empty()) return pause_accept(0);
        const int result = result_of(::accept4(listener_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (result == -EAGAIN) return;
        switch (accept_outcome(result)) {
            case AcceptOutcome::accepted:
                open_slot(result);
                if (!leaves_enough(result)) return pause_accept(now_ns_ + accept_retry_interval_ns);
                break;
            case AcceptOutcome::exhausted: return pause_accept(now_ns_ + accept_retry_interval_ns);
            case AcceptOutcome::again: ++counters_.accept_errors; break;
            case AcceptOutcome::stopped:
            case AcceptOutcome::fatal: CHECK(false && "the listener is broken");
        }
    }
}

void EpollLoop::pause_accept(std::uint64_t retry_ns) {
    ++counters_.accept_pauses;
    is_accept_paused_ = true;
    accept_retry_ns_ = retry_ns;
    free_slots_to_accept_ = free_slots_.size() + std::max<std::size_t>(counters_.open_slots / low_water_divisor, 1);
    unwatch_listener();
}

// The kernel gives the lowest number that is free, so a high one says that few are left.
bool EpollLoop::leaves_enough(int fd) const { return static_cast<std::uint32_t>(fd) + 1 < descriptors_count_max_; }

bool EpollLoop::may_take_descriptors() const {
    const int fd = ::fcntl(wake_fd_, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) return false;
    ::close(fd);
    return leaves_enough(fd);
}

void EpollLoop::accept_if_possible() {
    if (!listening_ || !is_accept_paused_) return;
    const bool is_retry_due = accept_retry_ns_ != 0 && now_ns_ >= accept_retry_ns_;
    if (free_slots_.size() < free_slots_to_accept_ && !is_retry_due) return;
    if (!may_take_descriptors()) {
        accept_retry_ns_ = now_ns_ + accept_retry_interval_ns;
        free_slots_to_accept_ = free_slots_.size() + 1;
        return;
    }
    is_accept_paused_ = false;
    accept_retry_ns_ = 0;
    watch_listener();
}

void EpollLoop::open_slot(int fd) {
    CHECK(!free_slots_.empty());
    const Slot slot = free_slots_.back();
    free_slots_.pop_back();
    Socket& socket = sockets_[slot];
    CHECK(!socket.open);
    const bool is_due = socket.is_due;  // as what the slot was before
    socket = Socket{};
    socket.is_due = is_due;
    socket.fd = fd;
    socket.open = true;
    socket.receive_wanted = true;
    ++counters_.accepted;
    ++counters_.open_slots;
    // ENOSPC (fs.epoll.max_user_watches) and ENOMEM: the connection fails, which the server learns after on_open.
    const bool is_watched = watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, slot);
    events_.on_open(slot);
    if (!is_watched) fail(slot);
}

// --- receive ---------------------------------------------------------------------------------------------------------

void EpollLoop::pause_receive(Slot slot) { sockets_[slot].receive_wanted = false; }

void EpollLoop::resume_receive(Slot slot) {
    sockets_[slot].receive_wanted = true;
    make_due(slot);
}

void EpollLoop::receive(Slot slot) {
    Socket& socket = sockets_[slot];
    const std::size_t room = buffer_.size() - settings_.padding_bytes;
    for (int i = 0; i < receives_per_turn_max; ++i) {
        if (socket.closing || socket.failure != Failure::none || !socket.receive_wanted || !socket.is_readable) return;
        const int result = result_of(::recv(socket.fd, buffer_.data(), room, 0));
        if (result > 0) {
            socket.is_readable = static_cast<std::size_t>(result) == room || socket.has_hung_up;
            counters_.received_bytes += static_cast<std::size_t>(result);
            ++counters_.receives;
            events_.on_bytes(slot, {buffer_.data(), static_cast<std::size_t>(result)});
        } else {
            receive_ended(slot, result);
        }
    }
    make_due(slot);
}

// A receive that brought no bytes.
void EpollLoop::receive_ended(Slot slot, int result) {
    Socket& socket = sockets_[slot];
    switch (receive_outcome(result)) {
        case ReceiveOutcome::end_of_stream:
            socket.is_readable = false;
            socket.receive_wanted = false;
            events_.on_end_of_stream(slot);
            break;
        case ReceiveOutcome::again:
            if (result == -EAGAIN) socket.is_readable = false;
            break;
        case ReceiveOutcome::bytes:
        case ReceiveOutcome::starved:
        case ReceiveOutcome::cancelled:
        case ReceiveOutcome::failed:
            socket.is_readable = false;
            fail(slot);
            break;
    }
}

// --- send and close --------------------------------------------------------------------------------------------------

void EpollLoop::send(Slot slot, std::span<const char> bytes) {
    Socket& socket = sockets_[slot];
    CHECK(socket.open && !socket.closing && socket.send_begin == nullptr && !bytes.empty());
    socket.send_begin = bytes.data();
    socket.send_bytes = static_cast<std::uint32_t>(bytes.size());
    if (socket.failure == Failure::none) send_some(slot);
    make_due(slot);
}

// What finds no room is tried again when an edge says that there is some: the kernel raises one after each send(2) that
// took less than it was given.
void EpollLoop::send_some(Slot slot) {
    Socket& socket = sockets_[slot];
    int result = -EINTR;
    while (result == -EINTR) result = result_of(::send(socket.fd, socket.send_begin, socket.send_bytes, MSG_NOSIGNAL));
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
    socket.has_sent = true;
}

// The server is told once, in this iteration or the next.
void EpollLoop::fail(Slot slot) {
    Socket& socket = sockets_[slot];
    if (socket.closing || socket.failure != Failure::none) return;
    socket.failure = Failure::due;
    socket.receive_wanted = false;
    socket.send_bytes = 0;
    make_due(slot);
}

void EpollLoop::shutdown_send(Slot slot) {
    if (!sockets_[slot].closing) ::shutdown(sockets_[slot].fd, SHUT_WR);
}

// The kernel holds nothing of the slot from here on, and epoll forgets the descriptor with its last close.
void EpollLoop::close(Slot slot) {
    Socket& socket = sockets_[slot];
    CHECK(socket.open);
    if (socket.closing) return;
    socket.closing = true;
    ::close(socket.fd);
    closing_.push_back(slot);
}

}  // namespace sluice::io
