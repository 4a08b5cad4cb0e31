#include "engine/tls/session_end.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "engine/core/clock.hpp"
#include "engine/tls/session.hpp"

namespace sluice::tls {
namespace {

std::int64_t now_s() { return unix_ns() / 1'000'000'000; }

std::int64_t end_s_of(const SSL* ssl) {
    const std::int64_t lifetime_s = SSL_CTX_get_timeout(SSL_get_SSL_CTX(ssl));
    const ClientTrust& trust = Session::of(ssl).context().client_trust();
    return std::min(now_s() + lifetime_s, trust.end_s_of(SSL_get0_verified_chain(ssl)));
}

// A session whose end cannot be read is over.
bool is_over(SSL_SESSION* session) {
    void* data = nullptr;
    std::size_t bytes = 0;
    std::int64_t end_s = 0;
    if (SSL_SESSION_get0_ticket_appdata(session, &data, &bytes) != 1 || bytes != sizeof end_s) return true;
    std::memcpy(&end_s, data, sizeof end_s);
    return now_s() >= end_s;
}

// A resumed session has the end of the first one.
int on_new_ticket(SSL* ssl, void*) {
    if (SSL_session_reused(ssl) == 1) return 1;
    const std::int64_t end_s = end_s_of(ssl);
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), &end_s, sizeof end_s);
}

// `status`: what callbacks.cpp has found of the ticket's seal. A ticket that is ignored leads to a full handshake,
// which brings another one.
SSL_TICKET_RETURN on_opened_ticket(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t,
                                   SSL_TICKET_STATUS status, void*) {
    const bool is_good = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
    if (!is_good || is_over(session)) return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace

void set_session_end(SSL_CTX* ssl) { SSL_CTX_set_session_ticket_cb(ssl, on_new_ticket, on_opened_ticket, nullptr); }

}  // namespace sluice::tls
