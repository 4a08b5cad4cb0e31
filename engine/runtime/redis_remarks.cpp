#include "engine/runtime/redis_remarks.hpp"

#include "engine/delivery/redis_settings.hpp"
#include "sinks/redis/link/password.hpp"
#include "sinks/redis/tls/client.hpp"

namespace sluice {
namespace {

bool has_redis(const config::Config& config) {
    return config.sink.url.kind != config::SinkKind::null && config.sink.url.kind != config::SinkKind::journal;
}

}  // namespace

std::vector<watch::Remark> redis_remarks(const config::Config& config) {
    std::vector<watch::Remark> remarks;
    if (!has_redis(config)) return remarks;
    const std::string& file = config.sink.redis.password_file;
    if (sinks::redis::is_open_to_all(file))
        remarks.push_back({true, "redis_password_open", "every user of this machine can read " + file,
                           "chmod o-rw, and another password if others were here"});
    if (config.sink.url.is_tls && !config.sink.redis.is_tls_verified)
        remarks.push_back(
            {true, "redis_not_verified",
             "sink.redis.tls_verify is false: whoever is on the way to Redis can read and change all",
             "set sink.redis.tls_ca, and sink.redis.tls_server_name where the certificate has another name"});
    return remarks;
}

std::string redis_tls_problem(const config::Config& config) {
    const sinks::RedisTlsSettings settings = redis_settings(config).tls;
    if (!settings.is_on) return {};
    const auto client = sinks::redis::TlsClient::load(settings);
    return client ? std::string() : client.error();
}

}  // namespace sluice
