// Checks of the files of TLS, of tenants and of secrets.

#include <cstdint>

#include "engine/doctor/check.hpp"
#include "engine/runtime/redis_remarks.hpp"
#include "engine/runtime/tls_settings.hpp"
#include "engine/tls/context.hpp"
#include "engine/watch/probe.hpp"

namespace sluice::doctor {
namespace {

constexpr std::int64_t day_s = 86'400;
constexpr std::uint32_t bits_of_others = 0007;  // of st_mode

Finding tls_files(const Facts& facts) {
    const auto loaded = tls::Context::load(tls_settings(facts.config));
    if (!loaded) return {State::fault, loaded.error()};
    return {State::ok, std::to_string((*loaded)->certificates().size()) + " certificates with their keys"};
}

Finding tls_expiry(const Facts& facts) {
    const auto loaded = tls::Context::load(tls_settings(facts.config));
    if (!loaded) return unknown("the files cannot be read");
    Finding worst{State::ok, "no certificate"};
    std::int64_t least_s = INT64_MAX;
    for (const tls::CertificateInfo& info : (*loaded)->certificates()) {
        const std::int64_t left_s = info.not_after_s - facts.host.now_s;
        if (left_s >= least_s) continue;
        least_s = left_s;
        worst = {left_s <= 0            ? State::fault
                 : left_s <= 14 * day_s ? State::warn
                                        : State::ok,
                 info.name + ": " + std::to_string(left_s / day_s) + " days"};
    }
    return worst;
}

// A secret that every user of this machine may read or write.
Finding closed(const Facts& facts, const std::vector<std::string>& files) {
    std::string open;
    for (const std::string& file : files) {
        const auto mode = facts.host.mode(file);
        if (!mode) return unknown(file + " cannot be looked at");
        if ((*mode & bits_of_others) != 0) open += (open.empty() ? "" : ", ") + file;
    }
    return judged(open.empty(), State::warn, open.empty() ? "closed to others" : "open to others: " + open);
}

Finding tls_keys(const Facts& facts) {
    std::vector<std::string> files{facts.config.tls.key};
    for (const config::CertificatePair& pair : facts.config.tls.more) files.push_back(pair.key);
    return closed(facts, files);
}

Finding tenants_file(const Facts& facts) {
    if (!facts.access_problem.empty()) return {State::fault, facts.access_problem};
    std::string text;
    for (const std::string& warning : facts.tenant_warnings) text += (text.empty() ? "" : "; ") + warning;
    return judged(text.empty(), State::warn, text.empty() ? "right" : text);
}

Finding tenants_mode(const Facts& facts) { return closed(facts, {facts.config.tenants.file}); }

Finding admin_token(const Facts& facts) {
    if (facts.config.admin.token_file.empty()) return unknown("no admin.token_file is set");
    return closed(facts, {facts.config.admin.token_file});
}

Finding redis_secrets(const Facts& facts) {
    std::string text;
    for (const watch::Remark& remark : redis_remarks(facts.config)) text += (text.empty() ? "" : "; ") + remark.reason;
    return judged(text.empty(), State::warn, text.empty() ? "nothing" : text);
}

Finding redis_tls(const Facts& facts) {
    if (!facts.config.sink.url.is_tls) return unknown("sink.url is without TLS");
    const std::string problem = redis_tls_problem(facts.config);
    return judged(problem.empty(), State::fault, problem.empty() ? "right" : problem);
}

constexpr Check access_table[] = {
    {"tls.files", "TLS: certificates and keys", "each certificate has its key",
     "With a file that is broken the engine does not start.", "sluice check-config /etc/sluice/sluice.toml", Needs::tls,
     tls_files},
    {"tls.expiry", "TLS: end of the certificates", "more than 14 days", "Then no client connects any more.",
     "renew the certificate; the engine reads it again by itself", Needs::tls, tls_expiry},
    {"tls.key_mode", "TLS: who may read the keys", "closed to others", "Who has the key can pose as this server.",
     "chmod 0640 KEY", Needs::tls, tls_keys},
    {"tenants.file", "Tenants: file", "right", "With a file that is broken the engine does not start.",
     "sluice check-config /etc/sluice/sluice.toml", Needs::tenants, tenants_file},
    {"tenants.mode", "Tenants: who may read the file", "closed to others", "Who can write it can send as every tenant.",
     "chmod 0640 FILE", Needs::tenants, tenants_mode},
    {"admin.token_mode", "Admin token: who may read it", "closed to others", "Who has it can stop the intake.",
     "chmod 0640 FILE", Needs::config, admin_token},
    {"redis.secrets", "Redis: password and verification", "nothing", "Others can read or change what is sent.",
     "chmod o-rw the password file, set sink.redis.tls_verify to true", Needs::config, redis_secrets},
    {"redis.tls", "Redis: files of TLS", "right", "With a file that is broken no connection to Redis is made.",
     "sluice check-config /etc/sluice/sluice.toml", Needs::config, redis_tls},
};

}  // namespace

std::span<const Check> access_checks() { return access_table; }

}  // namespace sluice::doctor
