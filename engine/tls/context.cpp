#include "engine/tls/context.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <cstring>
#include <string_view>

#include "engine/core/clock.hpp"
#include "engine/tls/session.hpp"

namespace sluice::tls {
namespace {

constexpr std::string_view alpn_http = "http/1.1";
// Sessions of other servers, or of other settings of clients' certificates, are not resumed
// (SSL_set_session_id_context).
constexpr std::string_view session_context = "sluice";

// A client that names protocols without ours is told so (RFC 7301 section 3.2).
int select_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes, const unsigned char* offered,
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

// 0: the ticket is worth nothing, and a full handshake follows. 2: it is good, and another one is to be sealed.
int open_ticket(TicketKeys& tickets, const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
                EVP_MAC_CTX* mac) {
    auto found = tickets.find(name, monotonic_ns());
    if (!found) return 0;
    const bool is_open = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, found->key.cipher.data(), iv) == 1 &&
                         set_mac(mac, found->key);
    OPENSSL_cleanse(&found->key, sizeof found->key);
    if (!is_open) return -1;
    return found->is_newest ? 1 : 2;
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int seals) {
    TicketKeys& tickets = Session::of(ssl).context().tickets();
    return seals != 0 ? seal_ticket(tickets, name, iv, cipher, mac) : open_ticket(tickets, name, iv, cipher, mac);
}

void on_info(const SSL* ssl, int where, int code) { Session::of(ssl).on_info(where, code); }

// `a,b` without what OpenSSL does not know, as it wants it: `a:b`.
std::string known_groups(SSL_CTX* ssl, std::string_view groups, std::string& unknown) {
    std::string known;
    while (!groups.empty()) {
        const std::size_t end = groups.find(',');
        const std::string group(groups.substr(0, end));
        groups.remove_prefix(end == std::string_view::npos ? groups.size() : end + 1);
        const bool is_known = SSL_CTX_set1_groups_list(ssl, group.c_str()) == 1;
        std::string& list = is_known ? known : unknown;
        list.append(list.empty() ? "" : (is_known ? ":" : ",")).append(group);
    }
    ERR_clear_error();
    return known;
}

std::unexpected<std::string> key_error(std::string_view key, const std::string& value) {
    return std::unexpected(std::string(key) + " is \"" + value + "\", of which this machine's OpenSSL knows none");
}

}  // namespace

std::expected<std::shared_ptr<const Context>, std::string> Context::load(const Settings& settings,
                                                                         std::shared_ptr<TicketKeys> tickets) {
    std::shared_ptr<Context> context(new Context());
    context->tickets_ =
        tickets != nullptr ? std::move(tickets) : std::make_shared<TicketKeys>(settings.ticket_lifetime_s);
    const auto pair = load_pair(settings.pair);
    if (!pair) return std::unexpected(pair.error());
    auto ssl = context->make(settings, *pair);
    if (!ssl) return std::unexpected(ssl.error());
    context->pairs_.push_back({std::move(*ssl)});
    context->infos_.push_back(pair->info);
    return context;
}

std::expected<SslContextPtr, std::string> Context::make(const Settings& settings, const Pair& pair) {
    SslContextPtr ssl(SSL_CTX_new(TLS_server_method()));
    if (ssl == nullptr) return std::unexpected("TLS cannot be set up: " + take_reason());
    SSL_CTX_set_options(ssl.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ssl.get(), 1);
    SSL_CTX_set_alpn_select_cb(ssl.get(), select_alpn, nullptr);
    SSL_CTX_set_info_callback(ssl.get(), on_info);
    set_tickets(ssl.get(), settings);
    if (auto set = set_algorithms(ssl.get(), settings); !set) return std::unexpected(set.error());
    X509* const leaf = pair.chain.front().get();
    if (SSL_CTX_use_certificate(ssl.get(), leaf) != 1 || SSL_CTX_use_PrivateKey(ssl.get(), pair.key.get()) != 1)
        return std::unexpected("the certificate of " + pair.info.file + " cannot be used: " + take_reason());
    for (std::size_t i = 1; i < pair.chain.size(); ++i)
        if (SSL_CTX_add1_chain_cert(ssl.get(), pair.chain[i].get()) != 1)
            return std::unexpected("a certificate behind the first in " + pair.info.file +
                                   " cannot be used: " + take_reason());
    return ssl;
}

std::expected<void, std::string> Context::set_algorithms(SSL_CTX* ssl, const Settings& settings) {
    SSL_CTX_set_min_proto_version(ssl, settings.is_tls_1_3_only ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(ssl, 0);
    if (SSL_CTX_set_cipher_list(ssl, settings.ciphers.c_str()) != 1) {
        ERR_clear_error();
        return key_error("tls.ciphers", settings.ciphers);
    }
    unknown_groups_.clear();
    const std::string groups = known_groups(ssl, settings.groups, unknown_groups_);
    if (groups.empty() || SSL_CTX_set1_groups_list(ssl, groups.c_str()) != 1)
        return key_error("tls.groups", settings.groups);
    return {};
}

void Context::set_tickets(SSL_CTX* ssl, const Settings& settings) {
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ssl, reinterpret_cast<const unsigned char*>(session_context.data()),
                                   static_cast<unsigned int>(session_context.size()));
    if (settings.ticket_lifetime_s == 0) {
        SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ssl, 0);
        return;
    }
    SSL_CTX_set_timeout(ssl, static_cast<long>(settings.ticket_lifetime_s));
    SSL_CTX_set_num_tickets(ssl, 1);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, on_ticket);
}

}  // namespace sluice::tls
