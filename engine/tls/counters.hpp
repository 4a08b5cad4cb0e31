// What a server counts of TLS. Its thread's; copies anywhere.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::tls {

// Why a handshake came to nothing.
enum class HandshakeFailure : std::uint8_t {
    malformed,  // not TLS, or broken
    plain_http,  // a client that speaks HTTP without TLS
    version,  // no version in common
    algorithms,  // no cipher suite, group or signature in common
    alpn,  // the client wants another protocol than http/1.1
    client_certificate,  // none, or one that is not accepted
    client_alert,  // the client gave up, mostly because it does not trust the server's certificate
    client_gone,  // the connection ended
    timeout,  // tls.handshake_timeout
    evicted,  // it was silent while others waited for a connection
    memory,  // none was left
};
inline constexpr std::array<std::string_view, 11> handshake_failure_words{
    "malformed",    "plain_http",  "version", "algorithms", "alpn",  "client_certificate",
    "client_alert", "client_gone", "timeout", "evicted",    "memory"};
static_assert(static_cast<std::size_t>(HandshakeFailure::memory) + 1 == handshake_failure_words.size());

struct Counters {
    std::uint64_t full_1_2 = 0;  // handshakes that were completed
    std::uint64_t resumed_1_2 = 0;
    std::uint64_t full_1_3 = 0;
    std::uint64_t resumed_1_3 = 0;
    std::uint64_t failures[handshake_failure_words.size()] = {};
    std::uint64_t broken_sessions = 0;  // ended by an alert, or by what is no TLS, after their handshake
    std::uint64_t handshakes_in_progress = 0;

    void count(HandshakeFailure failure) { ++failures[static_cast<std::size_t>(failure)]; }
};

}  // namespace sluice::tls
