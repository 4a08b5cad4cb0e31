#include "engine/tls/client_session.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>

#include "engine/core/limits.hpp"

namespace sluice::tls {

std::unique_ptr<ClientSession> ClientSession::open(const ClientContext& context, SSL_SESSION* ticket) {
    std::unique_ptr<ClientSession> session(new ClientSession(context));
    if (!session->attach()) return nullptr;
    SSL_set_app_data(session->ssl(), session.get());
    SSL_set_connect_state(session->ssl());
    // A ticket that cannot be resumed is as good as none.
    if (ticket != nullptr) static_cast<void>(SSL_set_session(session->ssl(), ticket));
    return session;
}

Progress ClientSession::advance() {
    const Progress progress = shake_hands();
    if (progress == Progress::failed) explain();
    return progress;
}

ClientSession::Read ClientSession::read(std::span<char> room) {
    const Read read = read_record(room);
    if (read.progress == Progress::failed) explain();
    return read;
}

// --- output --------------------------------------------------------------------------------------------------------

bool ClientSession::put_output(std::span<const char> cipher) {
    if (room_.empty()) {
        if (flight_.size() + cipher.size() > flight_bytes_max) return false;
        flight_.append(cipher.data(), cipher.size());
        return true;
    }
    if (cipher.size() > room_.size()) return false;
    std::ranges::copy(cipher, room_.begin());
    room_ = room_.subspan(cipher.size());
    return true;
}

std::size_t ClientSession::sealed_bytes_max(std::size_t plain_bytes) {
    // Two more: a flight of new keys, or a refusal to renegotiate, that waits to be sent.
    return plain_bytes + (plain_bytes / limits::tls_record_bytes_max + 3) * record_overhead_bytes_max;
}

std::size_t ClientSession::seal(std::span<const char> plain, std::span<char> room) {
    room_ = room;
    const std::string flight = take_flight();
    const bool is_sealed = (flight.empty() || put_output(flight)) && write(plain);
    const std::size_t bytes = room.size() - room_.size();
    room_ = {};
    if (is_sealed) return bytes;
    if (!is_broken()) explain();
    return 0;
}

// --- what is told of it ----------------------------------------------------------------------------------------

void ClientSession::explain_certificate(long code) {
    const bool is_wrong_name = code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH;
    failure_ = is_wrong_name ? ClientFailure::wrong_name : ClientFailure::untrusted;
    failure_text_ =
        is_wrong_name ? "the server's certificate is not for " + context_.server_name()
                      : "the server's certificate is not trusted: " + std::string(X509_verify_cert_error_string(code));
}

// OpenSSL's reasons of alerts are their numbers and an offset.
void ClientSession::explain() {
    const int reason = ERR_GET_REASON(ERR_peek_error());
    const std::string text = take_reason();
    break_off();
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) return explain_certificate(SSL_get_verify_result(ssl()));
    if (reason > SSL_AD_REASON_OFFSET) {
        failure_ = ClientFailure::alert;
        failure_text_ = "the server ended it: " + text;
    } else if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_PACKET_LENGTH_TOO_LONG) {
        failure_ = ClientFailure::not_tls;
        failure_text_ = "what the server sent is not TLS";
    } else {
        failure_ = ClientFailure::other;
        failure_text_ = text;
    }
}

std::string ClientSession::agreed() const {
    std::string version = SSL_get_version(ssl());  // TLSv1.3
    if (version.starts_with("TLSv")) version.replace(0, 4, "TLS ");
    const char* const group = SSL_group_to_name(ssl(), SSL_get_negotiated_group(ssl()));
    return version + ", " + SSL_get_cipher_name(ssl()) + (group == nullptr ? "" : std::string(", ") + group);
}

}  // namespace sluice::tls
