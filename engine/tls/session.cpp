#include "engine/tls/session.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <cstring>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"

namespace sluice::tls {
namespace {

// --- the BIO: OpenSSL's way to a session's bytes ---------------------------------------------------------------

Session& session_of(BIO* bio) { return *static_cast<Session*>(BIO_get_data(bio)); }

int bio_read(BIO* bio, char* room, int room_bytes) {
    BIO_clear_retry_flags(bio);
    const std::size_t bytes = session_of(bio).take_input({room, static_cast<std::size_t>(room_bytes)});
    if (bytes != 0) return static_cast<int>(bytes);
    BIO_set_retry_read(bio);
    return -1;
}

int bio_write(BIO* bio, const char* bytes, int bytes_count) {
    BIO_clear_retry_flags(bio);
    return session_of(bio).put_output({bytes, static_cast<std::size_t>(bytes_count)}) ? bytes_count : -1;
}

// OpenSSL flushes after each flight; what is written is there already.
long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* make_method() {
    BIO_METHOD* const method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "session");
    CHECK(method != nullptr);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
}

const BIO_METHOD* method() {
    static const BioMethodPtr made(make_method());
    return made.get();
}

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
    BioPtr bio(BIO_new(method()));
    if (session->ssl_ == nullptr || bio == nullptr) return nullptr;
    BIO_set_data(bio.get(), session.get());
    BIO_set_init(bio.get(), 1);
    SSL_set_app_data(session->ssl_.get(), session.get());
    BIO* const both = bio.release();
    SSL_set_bio(session->ssl_.get(), both, both);  // takes one reference for both
    SSL_set_accept_state(session->ssl_.get());
    return session;
}

Session::Session(std::shared_ptr<const Context> context, CipherPool& pool)
    : context_(std::move(context)), pool_(pool), ssl_(context_->open()) {}

Session::~Session() { output_.clear(pool_); }

void Session::feed(std::span<const char> cipher, std::uint64_t now_ns) {
    CHECK(input_.empty());
    input_ = cipher;
    fed_ns_ = now_ns;
    records_.pass(cipher);
}

std::size_t Session::take_input(std::span<char> room) {
    const std::size_t bytes = std::min(room.size(), input_.size());
    std::memcpy(room.data(), input_.data(), bytes);
    input_ = input_.subspan(bytes);
    return bytes;
}

// --- handshake -------------------------------------------------------------------------------------------------

Progress Session::advance() {
    CHECK(!is_open_ && !is_broken_);
    ERR_clear_error();
    const OSSL_HANDSHAKE_STATE before = SSL_get_state(ssl_.get());
    const int result = SSL_do_handshake(ssl_.get());
    has_advanced_ = result == 1 || SSL_get_state(ssl_.get()) != before;
    if (result == 1) {
        is_open_ = true;
        if (const X509* const shown = SSL_get0_peer_certificate(ssl_.get())) client_ = identity_of(shown);
        return Progress::done;
    }
    if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return Progress::starved;
    failure_ = has_lost_output_ ? HandshakeFailure::memory : failure_of(ERR_GET_REASON(ERR_peek_error()));
    return fail();
}

// The alert that tells the peer why is in the output.
Progress Session::fail() {
    is_broken_ = true;
    input_ = {};
    ERR_clear_error();
    return Progress::failed;
}

// --- after it --------------------------------------------------------------------------------------------------

Session::Read Session::read(std::span<char> room) {
    CHECK(is_open_ && !is_broken_);
    ERR_clear_error();
    std::size_t bytes = 0;
    const int result = SSL_read_ex(ssl_.get(), room.data(), room.size(), &bytes);
    if (interruptions_count_ > interruptions_count_max) return {fail(), 0};
    if (result == 1) return {Progress::done, bytes};
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ: return {Progress::starved, 0};
        case SSL_ERROR_ZERO_RETURN: input_ = {}; return {Progress::ended, 0};
        default: return {fail(), 0};
    }
}

bool Session::seal(std::span<const char> plain) {
    CHECK(is_open_ && plain.size() <= limits::output_block_bytes);
    if (is_broken_) return false;
    ERR_clear_error();
    std::size_t written = 0;
    if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) == 1) return written == plain.size();
    static_cast<void>(fail());
    return false;
}

// Not within a handshake: OpenSSL has no way to say it there.
void Session::say_goodbye() {
    if (!is_open_ || is_broken_ || has_said_goodbye_) return;
    has_said_goodbye_ = true;
    static_cast<void>(SSL_shutdown(ssl_.get()));
    ERR_clear_error();
}

bool Session::append_plain(std::string_view text) {
    is_broken_ = true;
    return put_output(text);
}

// OpenSSL calls back for the messages of handshakes, and those that come after one; not for each record. After the
// handshake these are a request to renegotiate, which is refused, and new keys.
void Session::on_info(int where_mask) {
    if (!is_open_) return;
    const bool is_new_key = (where_mask & SSL_CB_LOOP) != 0 && SSL_get_state(ssl_.get()) == TLS_ST_SR_KEY_UPDATE;
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
