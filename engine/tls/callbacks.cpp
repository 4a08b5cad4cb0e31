#include "engine/tls/callbacks.hpp"

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <cstring>
#include <string_view>

#include "engine/core/clock.hpp"
#include "engine/tls/session.hpp"
#include "engine/tls/session_end.hpp"

namespace sluice::tls {
namespace {

constexpr std::string_view alpn_http = "http/1.1";
// Without it no session is resumed whose client has shown a certificate (SSL_CTX_set_session_id_context(3)).
constexpr std::string_view session_context = "sluice";

// A client that names protocols without ours is told so (RFC 7301 section 3.2).
int select_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes, const unsigned char* offered,
                    unsigned int offered_bytes, void*) {
    for (unsigned int at = 0; at < offered_bytes; at += 1u + offered[at]) {
        const std::string_view name(reinterpret_cast<const char*>(offered + at + 1), offered[at]);
        if (at + 1 + name.size() > offered_bytes) break;
        if (name != alpn_http) continue;
        *chosen = offered + at + 1;
        *chosen_bytes = offered[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int select_certificate(SSL* ssl, int*, void*) {
    const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_CTX* const context = Session::of(ssl).context().find(name);
    if (context != nullptr) SSL_set_SSL_CTX(ssl, context);
    return SSL_TLSEXT_ERR_OK;
}

// --- tickets -------------------------------------------------------------------------------------------------------

bool set_mac(EVP_MAC_CTX* mac, TicketKeys::Key& key) {
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

int seal_ticket(TicketKeys& tickets, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
    auto key = tickets.newest(monotonic_ns());
    if (!key) return -1;
    std::memcpy(name, key->name.data(), key->name.size());
    const bool is_sealed = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
                           EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv) == 1 &&
                           set_mac(mac, *key);
    OPENSSL_cleanse(&*key, sizeof *key);
    return is_sealed ? 1 : -1;
}

// 0: the ticket is worth nothing, and a full handshake follows. 2: it is good, and another one is to be sealed. In TLS
// 1.3 always: a client uses a ticket once (RFC 8446 appendix C.4), and without another one it could resume only every
// second time.
int open_ticket(TicketKeys& tickets, const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
                EVP_MAC_CTX* mac, bool is_tls_1_3) {
    auto found = tickets.find(name, monotonic_ns());
    if (!found) return 0;
    const bool is_open = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, found->key.cipher.data(), iv) == 1 &&
                         set_mac(mac, found->key);
    OPENSSL_cleanse(&found->key, sizeof found->key);
    if (!is_open) return -1;
    return found->is_newest && !is_tls_1_3 ? 1 : 2;
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seals) {
    const Session& session = Session::of(ssl);
    TicketKeys& tickets = session.context().tickets();
    if (seals != 0) return seal_ticket(tickets, name, iv, cipher, mac);
    return open_ticket(tickets, name, iv, cipher, mac, session.is_tls_1_3());
}

void on_info(const SSL* ssl, int where_mask, int) { Session::of(ssl).on_info(where_mask); }

}  // namespace

void set_protocol(SSL_CTX* ssl) { SSL_CTX_set_alpn_select_cb(ssl, select_protocol, nullptr); }

// The macro SSL_CTX_set_tlsext_servername_callback() casts as C does.
void set_server_names(SSL_CTX* ssl) {
    SSL_CTX_callback_ctrl(ssl, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, reinterpret_cast<void (*)()>(select_certificate));
}

void set_info(SSL_CTX* ssl) { SSL_CTX_set_info_callback(ssl, on_info); }

void set_tickets(SSL_CTX* ssl, std::uint64_t lifetime_s) {
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ssl, reinterpret_cast<const unsigned char*>(session_context.data()),
                                   static_cast<unsigned int>(session_context.size()));
    if (lifetime_s == 0) {
        SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ssl, 0);
        return;
    }
    SSL_CTX_set_timeout(ssl, static_cast<long>(lifetime_s));
    SSL_CTX_set_num_tickets(ssl, 1);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, on_ticket);
    set_session_end(ssl);
}

}  // namespace sluice::tls
