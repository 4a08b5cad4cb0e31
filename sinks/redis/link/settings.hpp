// RedisSettings: what the Redis sink needs to know of one server. Plain values; the composition root fills
// them from the configuration, which sinks/ must not see.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "engine/core/host_port.hpp"
#include "sinks/redis/tls/settings.hpp"

namespace sluice::sinks {

struct ServerAddress {
    std::string host;  // name or address, IPv6 without brackets
    std::uint16_t port = 0;
    friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
};
// "host:port", for sentences; IPv6 in brackets.
[[nodiscard]] inline std::string text_of(const ServerAddress& address) {
    return join_host_port(address.host, address.port);
}

namespace redis {
class AddressBook;
}

struct RedisSettings {
    std::string host{};                // name or address; empty for a unix socket
    std::uint16_t port = 6379;
    std::string path{};                // unix socket; empty for TCP
    std::string user{};                // empty: AUTH without a user name
    std::string password{};            // empty: no AUTH
    std::string password_file{};       // read before each connect, instead of password; empty: none
    RedisTlsSettings tls{};            // off for a unix socket
    std::uint32_t db = 0;
    std::uint64_t connect_timeout_ns = 5'000'000'000;   // connecting and the greeting together
    std::uint64_t reply_timeout_ns = 10'000'000'000;    // no reply for so long while some are due
    std::uint64_t backoff_min_ns = 100'000'000;
    std::uint64_t backoff_max_ns = 5'000'000'000;
    std::uint32_t breaker_failures_count = 3;           // in a row, until the circuit breaker opens; 0: never
    std::uint32_t replicas_count = 0;       // that confirm a batch with `replicated` samples; 0: there are none
    std::uint64_t replicas_timeout_ns = 1'000'000'000;  // of one WAIT
    bool tries_wait_aof = true;             // WAITAOF instead of WAIT, if the server takes it
    std::uint64_t random_seed = 1;   // of the jitter
    // Set where the server changes (Sentinel): asked before each connect, instead of host and port. May block for a
    // moment, on the sink's thread. The error is a sentence.
    std::function<std::expected<ServerAddress, std::string>()> find_server{};
    // Set with find_server: whether another server than this one is the primary by now. Asked while this one is silent,
    // and may block likewise.
    std::function<bool(const ServerAddress&)> has_moved_from{};
    std::uint64_t suspicious_silence_ns =
        1'000'000'000;  // of a server that owes replies; has_moved_from() is asked then, and each time again
    // What is known of names' addresses, shared by all that one thread connects with these settings; null: each
    // connection has its own.
    std::shared_ptr<redis::AddressBook> addresses{};
    int send_buffer_bytes = 0;  // SO_SNDBUF; 0: the kernel's. Tests force partial writes with it
};

}  // namespace sluice::sinks
