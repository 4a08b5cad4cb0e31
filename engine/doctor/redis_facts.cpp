#include "engine/doctor/redis_facts.hpp"

#include <algorithm>

#include "engine/core/clock.hpp"
#include "engine/delivery/redis_settings.hpp"
#include "engine/doctor/host.hpp"
#include "sinks/redis/link/blocking_client.hpp"
#include "sinks/redis/resp/reply.hpp"

namespace sluice::doctor {
namespace {

using sinks::redis::BlockingClient;
using sinks::redis::Command;
using sinks::redis::is_error;
using sinks::redis::Reply;
using sinks::redis::text_of;

constexpr int pings_count = 100;

sinks::RedisSettings settings_of(const config::Config& config) {
    const config::SinkKind kind = config.sink.url.kind;
    if (kind == config::SinkKind::redis_sentinel) return sentinel_settings(config);
    sinks::RedisSettings settings = redis_settings(config);
    if (kind != config::SinkKind::redis_cluster) return settings;
    const sinks::ServerAddress first = servers_of(config.sink.url).front();
    settings.host = first.host;
    settings.port = first.port;
    return settings;
}

std::string text_of_reply(BlockingClient& client, const Command& command) {
    if (!client.is_connected()) return {};
    const Reply reply = client.ask(command);
    return reply == nullptr || is_error(*reply) ? std::string() : std::string(text_of(*reply));
}

void ask_settings(BlockingClient& client, RedisFacts& facts) {
    if (!client.is_connected()) return;
    const Reply reply = client.ask(Command{"CONFIG", "GET", "*"});
    if (reply == nullptr || reply->type != REDIS_REPLY_ARRAY) return;
    for (std::size_t i = 0; i + 1 < reply->elements; i += 2)
        facts.settings[std::string(text_of(*reply->element[i]))] = text_of(*reply->element[i + 1]);
}

void measure_round_trip(BlockingClient& client, RedisFacts& facts) {
    std::vector<std::uint64_t> times;
    for (int i = 0; i < pings_count && client.is_connected(); ++i) {
        const std::uint64_t begin_ns = monotonic_ns();
        const Reply reply = client.ask(Command{"PING"});
        if (reply == nullptr || is_error(*reply)) return;
        times.push_back(monotonic_ns() - begin_ns);
    }
    if (times.size() != pings_count) return;
    std::ranges::sort(times);
    facts.round_trip_ns = times[pings_count * 99 / 100 - 1];
}

// An entry is {id, time, duration, {word...}, ...}.
bool is_write(const redisReply& entry) {
    if (entry.elements < 4 || entry.element[3]->elements == 0) return false;
    std::string name(text_of(*entry.element[3]->element[0]));
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
    return name == "XADD" || name == "RPUSH";
}

void ask_slow_log(BlockingClient& client, RedisFacts& facts) {
    if (!client.is_connected()) return;
    const Reply reply = client.ask(Command{"SLOWLOG", "GET", "128"});
    if (reply == nullptr || reply->type != REDIS_REPLY_ARRAY) return;
    facts.has_slow_writes = std::any_of(reply->element, reply->element + reply->elements,
                                        [](const redisReply* entry) { return is_write(*entry); });
}

// What docs/permissions.md says that nothing is delivered without.
std::vector<Command> needed_commands(const config::Config& config) {
    const auto& redis = config.sink.redis;
    if (redis.layout == RedisLayout::list) return {{"RPUSH", redis.list_key, "x"}};
    if (!redis.exactly_once) return {{"XADD", redis.stream, "*", "a", "b"}};
    const std::string stream = redis.stream + ":x";
    return {{"XADD", stream, "*", "a", "b"},
            {"XINFO", "STREAM", stream},
            {"SADD", redis.stream + ":x", "a"},
            {"MULTI"},
            {"EXEC"}};
}

// ACL DRYRUN answers OK, or a sentence that is no error (Redis 7.0).
void ask_permissions(BlockingClient& client, const config::Config& config, RedisFacts& facts) {
    const std::string user = text_of_reply(client, {"ACL", "WHOAMI"});
    if (user.empty()) return;
    std::vector<std::string> forbidden;
    for (const Command& command : needed_commands(config)) {
        Command trial{"ACL", "DRYRUN", user};
        trial.insert(trial.end(), command.begin(), command.end());
        const std::string answer = text_of_reply(client, trial);
        if (answer.empty()) return;
        if (answer != "OK") forbidden.push_back(command.front());
    }
    facts.forbidden = std::move(forbidden);
}

}  // namespace

RedisFacts ask_redis(const config::Config& config) {
    RedisFacts facts;
    const config::SinkKind kind = config.sink.url.kind;
    facts.is_wanted = kind != config::SinkKind::null && kind != config::SinkKind::journal;
    if (!facts.is_wanted) return facts;
    const sinks::RedisSettings settings = settings_of(config);
    facts.is_cluster = kind == config::SinkKind::redis_cluster;
    facts.is_local = settings.host.empty() || settings.host.starts_with("127.") || settings.host == "::1" ||
                     settings.host == "localhost";
    BlockingClient client(settings, "sluice-doctor");
    if (!client.connect()) {
        facts.problem = client.failure();
        return facts;
    }
    facts.info = fields_of_info(text_of_reply(client, {"INFO", "everything"}));
    ask_settings(client, facts);
    measure_round_trip(client, facts);
    ask_slow_log(client, facts);
    if (facts.is_cluster) facts.cluster = fields_of_info(text_of_reply(client, {"CLUSTER", "INFO"}));
    ask_permissions(client, config, facts);
    return facts;
}

std::map<std::string, std::string> fields_of_info(const std::string& text) {
    std::map<std::string, std::string> fields;
    for (std::string line : lines_of(text)) {
        if (line.ends_with('\r')) line.pop_back();
        const std::size_t colon = line.find(':');
        if (colon != std::string::npos) fields[line.substr(0, colon)] = line.substr(colon + 1);
    }
    return fields;
}

}  // namespace sluice::doctor
