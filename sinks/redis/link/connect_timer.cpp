#include "sinks/redis/link/connect_timer.hpp"

#include <algorithm>
#include <utility>

namespace sluice::sinks::redis {

void ConnectTimer::begin(std::uint64_t now_ns) {
    begin_ns_ = now_ns;
    end_ns_ = address_end_ns_ = now_ns + timeout_ns_;
    socket_number_ = 0;
    has_just_begun_ = true;
}

Session::Step ConnectTimer::watch(Session& session, std::uint64_t now_ns) {
    if (std::exchange(has_just_begun_, false)) end_ns_ = now_ns + timeout_ns_;
    if (session.state() != Session::State::connecting) {
        if (now_ns < end_ns_) return Session::Step::going_on;
        return session.give_up_silent();
    }
    if (session.sockets_count() != socket_number_) share(session, now_ns);
    if (now_ns < address_end_ns_) return Session::Step::going_on;
    if (session.give_up_address("no answer in time") == Session::Step::failed) return Session::Step::failed;
    share(session, now_ns);
    return Session::Step::going_on;
}

void ConnectTimer::share(const Session& session, std::uint64_t now_ns) {
    socket_number_ = session.sockets_count();
    const std::uint64_t left_ns = std::max(end_ns_, now_ns) - now_ns;
    address_end_ns_ = now_ns + left_ns / (session.addresses_left_count() + 1);
}

std::uint64_t ConnectTimer::deadline_ns(const Session& session) const {
    if (has_just_begun_) return begin_ns_;  // at once: how long opening took is not known yet
    return session.state() == Session::State::connecting ? address_end_ns_ : end_ns_;
}

}  // namespace sluice::sinks::redis
