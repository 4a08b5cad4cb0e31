#include "engine/tls/session.hpp"

#include <openssl/err.h>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"

namespace sluice::tls {
namespace {

// --- why handshakes fail ---------------------------------------------------------------------------------------

HandshakeFailure failure_of(int reason) {
    switch (reason) {
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_UNKNOWN_PROTOCOL: return HandshakeFailure::version;
        case SSL_R_NO_SHARED_CIPHER:
        case SSL_R_NO_SUITABLE_KEY_SHARE:
        case SSL_R_NO_SHARED_GROUPS:
        case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM: return HandshakeFailure::algorithms;
        case SSL_R_NO_APPLICATION_PROTOCOL: return HandshakeFailure::alpn;
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        case SSL_R_CERTIFICATE_VERIFY_FAILED: return HandshakeFailure::client_certificate;
        default: break;
    }
    return reason > SSL_AD_REASON_OFFSET ? HandshakeFailure::client_alert : HandshakeFailure::malformed;
}

}  // namespace

std::unique_ptr<Session> Session::open(std::shared_ptr<const Context> context, CipherPool& pool) {
    std::unique_ptr<Session> session(new Session(std::move(context), pool));
    if (!session->attach()) return nullptr;
    SSL_set_app_data(session->ssl(), session.get());
    SSL_set_accept_state(session->ssl());
    return session;
}

Session::Session(std::shared_ptr<const Context> context, CipherPool& pool)
    : Channel(context->open()), context_(std::move(context)), pool_(pool) {}

Session::~Session() { output_.clear(pool_); }

void Session::feed(std::span<const char> cipher, std::uint64_t now_ns) {
    give_input(cipher);
    fed_ns_ = now_ns;
    records_.pass(cipher);
}

Progress Session::advance() {
    const Progress progress = shake_hands();
    if (progress == Progress::done)
        if (const X509* const shown = SSL_get0_peer_certificate(ssl())) client_ = identity_of(shown);
    if (progress != Progress::failed) return progress;
    failure_ = has_lost_output_ ? HandshakeFailure::memory : failure_of(ERR_GET_REASON(ERR_peek_error()));
    return fail();
}

// The alert that tells the peer why is in the output.
Progress Session::fail() {
    break_off();
    return Progress::failed;
}

Session::Read Session::read(std::span<char> room) {
    const Read read = read_record(room);
    const bool is_flood = interruptions_count_ > interruptions_count_max;
    return is_flood || read.progress == Progress::failed ? Read{fail(), 0} : read;
}

bool Session::seal(std::span<const char> plain) {
    CHECK(plain.size() <= limits::output_block_bytes);
    const bool is_sealed = write(plain);
    if (!is_sealed) break_off();
    return is_sealed;
}

bool Session::append_plain(std::string_view text) {
    break_off();
    return put_output(text);
}

// OpenSSL calls back for the messages of handshakes, and those that come after one; not for each record. After the
// handshake these are a request to renegotiate, which is refused, and new keys.
void Session::on_info(int where_mask) {
    if (!is_open()) return;
    const bool is_new_key = (where_mask & SSL_CB_LOOP) != 0 && SSL_get_state(ssl()) == TLS_ST_SR_KEY_UPDATE;
    if (is_new_key || (where_mask & SSL_CB_HANDSHAKE_START) != 0) count_interruption();
}

void Session::count_interruption() {
    constexpr std::uint64_t minute_ns = 60'000'000'000;
    if (fed_ns_ - interruptions_begin_ns_ > minute_ns) {
        interruptions_begin_ns_ = fed_ns_;
        interruptions_count_ = 0;
    }
    ++interruptions_count_;
}

}  // namespace sluice::tls
