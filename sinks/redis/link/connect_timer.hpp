// ConnectTimer: how long an attempt to connect may take, and each address of a name within it.
//
// An address gets an even share of the time that is left, so that one that does not answer leaves time for those behind
// it, and the last one gets all that is left. The greeting has the whole time: whoever takes a connection is waited
// for.
//
// The thread of the session. No clock: the time is an argument.
#pragma once

#include <cstdint>

#include "sinks/redis/link/session.hpp"

namespace sluice::sinks::redis {

class ConnectTimer {
  public:
    // `timeout_ns`: of connecting and greeting together.
    explicit ConnectTimer(std::uint64_t timeout_ns) : timeout_ns_(timeout_ns) {}

    // Before the session is opened.
    void begin(std::uint64_t now_ns);
    // After each step of a session that is not ready. Gives up an address whose time is over, and goes on to the next;
    // failed: there is none, or the greeting is late.
    [[nodiscard]] Session::Step watch(Session& session, std::uint64_t now_ns);

    // When watch() is wanted although nothing happens.
    [[nodiscard]] std::uint64_t deadline_ns(const Session& session) const;
    // When the attempt as a whole is over.
    [[nodiscard]] std::uint64_t end_ns() const { return end_ns_; }

  private:
    void share(const Session& session, std::uint64_t now_ns);

    const std::uint64_t timeout_ns_;
    std::uint64_t begin_ns_ = 0;
    std::uint64_t end_ns_ = 0;
    std::uint64_t address_end_ns_ = 0;
    std::uint64_t socket_number_ = 0;  // of the session: which address address_end_ns_ is of
    bool has_just_begun_ = false;  // opening the session may have taken a while (getaddrinfo)
};

}  // namespace sluice::sinks::redis
