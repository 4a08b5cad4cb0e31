#include "engine/tls/context.hpp"

#include <openssl/err.h>

#include "engine/core/lower_case.hpp"
#include "engine/tls/callbacks.hpp"
#include "engine/tls/channel.hpp"
#include "engine/tls/files.hpp"
#include "engine/tls/memory.hpp"

namespace sluice::tls {
namespace {

using Made = std::expected<void, std::string>;

// Of TLS 1.3, all that RFC 8446 section 9.1 names.
constexpr const char* ciphersuites_1_3 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

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

std::unexpected<std::string> unknown_value(std::string_view key, const std::string& value) {
    return std::unexpected(std::string(key) + " is \"" + value + "\", of which this machine's OpenSSL knows nothing");
}

// Our order of ciphers counts: AES-128 first, which costs least. A client that prefers ChaCha20, since it has no AES in
// hardware, gets that.
void set_cipher_order(SSL_CTX* ssl) {
    SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
}

}  // namespace

std::expected<std::shared_ptr<const Context>, std::string> Context::load(const Settings& settings,
                                                                         const Context* before) {
    keep_record_buffers();
    std::shared_ptr<Context> context(new Context());
    auto trust = ClientTrust::read(settings);
    if (!trust) return std::unexpected(trust.error());
    context->client_trust_ = std::move(*trust);
    const bool is_trust_equal = before != nullptr && before->client_trust_.is_equal(context->client_trust_);
    context->tickets_ = is_trust_equal ? before->tickets_ : std::make_shared<TicketKeys>(settings.ticket_lifetime_s);
    if (auto added = context->add(settings, settings.pair); !added) return std::unexpected(added.error());
    for (const PairFiles& files : settings.more)
        if (auto added = context->add(settings, files); !added) return std::unexpected(added.error());
    return context;
}

Context::Made Context::add(const Settings& settings, const PairFiles& files) {
    const auto pair = load_pair(files);
    if (!pair) return std::unexpected(pair.error());
    SslContextPtr ssl(SSL_CTX_new(TLS_server_method()));
    if (ssl == nullptr) return std::unexpected("TLS cannot be set up: " + take_reason());
    set_modes(ssl.get());
    set_cipher_order(ssl.get());
    set_protocol(ssl.get());
    set_server_names(ssl.get());
    set_info(ssl.get());
    set_tickets(ssl.get(), settings.ticket_lifetime_s);
    if (auto set = set_algorithms(ssl.get(), settings); !set) return set;
    if (auto used = use_pair(ssl.get(), *pair); !used) return used;
    if (auto set = client_trust_.apply(ssl.get(), settings.client); !set) return set;
    for (const std::string& name : pair->info.names) by_name_.try_emplace(name, ssl.get());
    infos_.push_back(pair->info);
    contexts_.push_back(std::move(ssl));
    return {};
}

Context::Made Context::set_algorithms(SSL_CTX* ssl, const Settings& settings) {
    SSL_CTX_set_min_proto_version(ssl, settings.is_tls_1_3_only ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(ssl, 0);
    if (SSL_CTX_set_ciphersuites(ssl, ciphersuites_1_3) != 1)
        return std::unexpected("TLS 1.3 cannot be set up: " + take_reason());
    if (SSL_CTX_set_cipher_list(ssl, settings.ciphers.c_str()) != 1) {
        ERR_clear_error();
        return unknown_value("tls.ciphers", settings.ciphers);
    }
    unknown_groups_.clear();
    const std::string groups = known_groups(ssl, settings.groups, unknown_groups_);
    if (groups.empty() || SSL_CTX_set1_groups_list(ssl, groups.c_str()) != 1)
        return unknown_value("tls.groups", settings.groups);
    return {};
}

// Names of certificates are in lower case. A wildcard stands for one label (RFC 6125 section 6.4.3).
SSL_CTX* Context::find(std::string_view server_name) const {
    const std::string name = lower_case(server_name);
    if (const auto exact = by_name_.find(name); exact != by_name_.end()) return exact->second;
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) return nullptr;
    const auto wildcard = by_name_.find("*" + name.substr(dot));
    return wildcard == by_name_.end() ? nullptr : wildcard->second;
}

std::string Context::expired(std::int64_t now_s) const {
    for (const CertificateInfo& info : infos_)
        if (info.not_after_s <= now_s) return "the certificate of " + info.file + " has expired";
    return {};
}

}  // namespace sluice::tls
