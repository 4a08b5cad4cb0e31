// Checks of Redis, from what it says of itself.
#include <cstdio>
#include <utility>

#include "engine/config/units.hpp"
#include "engine/doctor/check.hpp"

namespace sluice::doctor {
namespace {

using Fields = std::map<std::string, std::string>;

std::optional<std::string> find(const Fields& fields, const std::string& name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::nullopt : std::optional(found->second);
}
std::optional<std::string> setting(const Facts& facts, const char* name) { return find(facts.redis.settings, name); }
std::optional<std::string> info(const Facts& facts, const char* name) { return find(facts.redis.info, name); }

// `judge` is given the value; where Redis does not tell it, the check is unknown.
template <typename Judge>
Finding with_setting(const Facts& facts, const char* name, Judge judge) {
    const auto value = setting(facts, name);
    return value ? judge(*value) : unknown(std::string("Redis does not tell ") + name);
}
template <typename Judge>
Finding with_info(const Facts& facts, const char* name, Judge judge) {
    const auto value = info(facts, name);
    return value ? judge(*value) : unknown(std::string("Redis does not tell ") + name);
}

std::uint64_t count_of(const std::string& text) { return number_of(text).value_or(0); }

Finding reachable(const Facts& facts) {
    if (!facts.redis.is_wanted) return unknown("sink.url is of no Redis");
    if (!facts.redis.problem.empty()) return {State::fault, facts.config.sink.url.display + ": " + facts.redis.problem};
    return {State::ok, facts.config.sink.url.display + " answers"};
}

Finding round_trip(const Facts& facts) {
    if (!facts.redis.round_trip_ns) return unknown("PING was not answered");
    const std::uint64_t us = *facts.redis.round_trip_ns / 1000;
    return judged(us < 1000 || !facts.redis.is_local, State::warn, "p99 " + std::to_string(us) + " us");
}

Finding version(const Facts& facts) {
    return with_info(facts, "redis_version", [](const std::string& text) -> Finding {
        int major = 0, minor = 0;
        if (std::sscanf(text.c_str(), "%d.%d", &major, &minor) != 2) return unknown(text);
        const std::pair found(major, minor);
        if (found < std::pair(6, 2)) return {State::fault, text};
        if (found < std::pair(7, 0)) return {State::warn, text + ", which tells no lag of consumers"};
        return {State::ok, found < std::pair(7, 2) ? text + ", without WAITAOF" : text};
    });
}

Finding memory_limit(const Facts& facts) {
    return with_info(facts, "maxmemory", [](const std::string& text) {
        return judged(text != "0", State::warn, text == "0" ? "none" : text + " bytes");
    });
}

Finding eviction(const Facts& facts) {
    return with_info(facts, "maxmemory_policy",
                     [](const std::string& text) { return judged(text == "noeviction", State::fault, text); });
}

// 2xx means: Redis has it. Whether it also is on Redis' disk is this setting.
Finding append_only(const Facts& facts) {
    return with_info(facts, "aof_enabled", [](const std::string& text) {
        return judged(text == "1", State::warn, text == "1" ? "on" : "off");
    });
}

Finding append_sync(const Facts& facts) {
    return with_setting(facts, "appendfsync", [&](const std::string& text) {
        if (info(facts, "aof_enabled") != "1") return Finding{State::ok, text + ", without effect: appendonly is off"};
        return judged(text != "no", State::warn, text);
    });
}

Finding append_status(const Facts& facts) {
    return with_info(facts, "aof_last_write_status",
                     [](const std::string& text) { return judged(text == "ok", State::fault, text); });
}

Finding snapshots(const Facts& facts) {
    return with_setting(facts, "save",
                        [](const std::string& text) { return Finding{State::ok, text.empty() ? "none" : text}; });
}

Finding snapshot_status(const Facts& facts) {
    return with_info(facts, "rdb_last_bgsave_status",
                     [](const std::string& text) { return judged(text == "ok", State::warn, text); });
}

Finding stop_writes(const Facts& facts) {
    return with_setting(facts, "stop-writes-on-bgsave-error", [&](const std::string& text) -> Finding {
        const bool has_failed = info(facts, "rdb_last_bgsave_status").value_or("ok") != "ok";
        if (text == "yes" && has_failed) return {State::fault, "yes, and the last snapshot failed"};
        return {State::ok, text};
    });
}

Finding stream_node(const Facts& facts) {
    return with_setting(facts, "stream-node-max-bytes", [&](const std::string& text) {
        const bool is_packed = facts.config.sink.redis.layout == RedisLayout::packed;
        const std::uint64_t least = is_packed ? 65'536 : 4096;
        return judged(count_of(text) == 0 || count_of(text) >= least, State::warn, text,
                      "at least " + std::to_string(least));
    });
}

Finding stream_entries(const Facts& facts) {
    return with_setting(facts, "stream-node-max-entries", [](const std::string& text) {
        return judged(count_of(text) == 0 || count_of(text) >= 100, State::warn, text);
    });
}

// `normal 0 0 0 slave ... pubsub ...`
Finding output_buffer(const Facts& facts) {
    return with_setting(facts, "client-output-buffer-limit", [](const std::string& text) {
        return judged(text.contains("normal 0 0 0"), State::warn, text);
    });
}

Finding timeout(const Facts& facts) {
    return with_setting(facts, "timeout",
                        [](const std::string& text) { return judged(text == "0", State::warn, text + " s"); });
}

Finding keepalive(const Facts& facts) {
    return with_setting(facts, "tcp-keepalive", [](const std::string& text) {
        return judged(count_of(text) != 0 && count_of(text) <= 300, State::warn, text + " s");
    });
}

Finding clients(const Facts& facts) {
    return with_setting(facts, "maxclients", [&](const std::string& text) {
        const std::uint64_t used = count_of(info(facts, "connected_clients").value_or("0"));
        const std::uint64_t wanted = used + facts.config.cores.size() + 10;
        return judged(count_of(text) >= wanted, State::warn, text + ", " + std::to_string(used) + " in use",
                      "at least " + std::to_string(wanted));
    });
}

Finding io_threads(const Facts& facts) {
    return with_setting(facts, "io-threads", [&](const std::string& text) {
        return judged(!facts.redis.is_local || text == "1", State::warn, text + (facts.redis.is_local ? ", here" : ""));
    });
}

Finding replicas(const Facts& facts) {
    return with_info(facts, "connected_slaves", [&](const std::string& text) {
        const std::uint64_t wanted = facts.config.sink.redis.replicas_count;
        return judged(count_of(text) >= wanted, State::fault, text, "at least " + std::to_string(wanted));
    });
}

Finding min_replicas(const Facts& facts) {
    return with_setting(facts, "min-replicas-to-write", [&](const std::string& text) {
        const std::uint64_t there = count_of(info(facts, "connected_slaves").value_or("0"));
        return judged(count_of(text) <= there, State::fault, text + ", " + std::to_string(there) + " replicas");
    });
}

Finding role(const Facts& facts) {
    return with_info(facts, "role",
                     [](const std::string& text) { return judged(text == "master", State::fault, text); });
}

Finding latency_monitor(const Facts& facts) {
    return with_setting(facts, "latency-monitor-threshold",
                        [](const std::string& text) { return judged(text != "0", State::warn, text + " ms"); });
}

Finding slow_writes(const Facts& facts) {
    if (!facts.redis.has_slow_writes) return unknown("SLOWLOG is refused");
    return judged(!*facts.redis.has_slow_writes, State::warn, *facts.redis.has_slow_writes ? "some" : "none");
}

Finding overcommit(const Facts& facts) {
    if (!facts.redis.is_local) return unknown("Redis is on another machine");
    const auto value = facts.host.number("/proc/sys/vm/overcommit_memory");
    if (!value) return unknown("/proc/sys/vm/overcommit_memory cannot be read");
    return judged(*value == 1, State::warn, std::to_string(*value));
}

Finding permissions(const Facts& facts) {
    if (!facts.redis.forbidden) return unknown("ACL DRYRUN is refused, or Redis is older than 7.0");
    std::string names;
    for (const std::string& name : *facts.redis.forbidden) names += (names.empty() ? "" : ", ") + name;
    return judged(names.empty(), State::fault, names.empty() ? "all allowed" : "not allowed: " + names);
}

Finding slots(const Facts& facts) {
    const auto state = find(facts.redis.cluster, "cluster_state");
    const auto count = find(facts.redis.cluster, "cluster_slots_ok");
    if (!state || !count) return unknown("CLUSTER INFO is refused");
    return judged(*state == "ok" && *count == "16384", State::fault, *state + ", " + *count + " slots");
}

Finding coverage(const Facts& facts) {
    return with_setting(facts, "cluster-require-full-coverage",
                        [](const std::string& text) { return judged(text == "no", State::warn, text); });
}

constexpr Check redis_table[] = {
    {"redis.reachable", "Redis: reachable", "answers", "Nothing is delivered without it.",
     "start Redis, or change sink.url", Needs::config, reachable},
    {"redis.round_trip", "Redis: round trip", "p99 below 1 ms on this machine",
     "Each acknowledgement of a stored sample waits for one.", "redis-cli --latency-history", Needs::redis, round_trip},
    {"redis.version", "Redis: version", "7.0 or newer, 7.2 for WAITAOF",
     "Older versions lack commands that the engine uses, and get no mends.", "apt-get install redis-server",
     Needs::redis, version},
    {"redis.role", "Redis: role", "master", "A replica takes no samples.", "change sink.url to the primary",
     Needs::redis, role},
    {"redis.maxmemory", "Redis: memory limit", "set", "Without a limit the kernel kills Redis when memory is used up.",
     "redis-cli CONFIG SET maxmemory 2gb", Needs::redis, memory_limit},
    {"redis.eviction", "Redis: eviction", "noeviction", "Others delete samples that were acknowledged.",
     "redis-cli CONFIG SET maxmemory-policy noeviction", Needs::redis, eviction},
    {"redis.appendonly", "Redis: append-only file", "on", "Without it a restart of Redis loses acknowledged samples.",
     "redis-cli CONFIG SET appendonly yes", Needs::redis, append_only},
    {"redis.appendfsync", "Redis: sync of the append-only file", "everysec or always",
     "With no, a power failure loses up to half a minute.", "redis-cli CONFIG SET appendfsync everysec", Needs::redis,
     append_sync},
    {"redis.append_status", "Redis: last write of the append-only file", "ok",
     "After a write that failed Redis takes no samples.", "free space on the disk of Redis", Needs::redis,
     append_status},
    {"redis.save", "Redis: snapshots", "told", "They bound what is lost where there is no append-only file.",
     "redis-cli CONFIG SET save '3600 1 300 100'", Needs::redis, snapshots},
    {"redis.snapshot_status", "Redis: last snapshot", "ok", "A snapshot that fails may stop all writes.",
     "free space on the disk of Redis, set vm.overcommit_memory to 1", Needs::redis, snapshot_status},
    {"redis.stop_writes", "Redis: stop after a failed snapshot", "no failed snapshot while it is yes",
     "With yes, Redis takes no samples after a snapshot that failed.",
     "redis-cli CONFIG SET stop-writes-on-bgsave-error no", Needs::redis, stop_writes},
    {"redis.stream_node_bytes", "Redis: bytes of a stream's node", "4096, with packed 65536",
     "Small nodes cost memory and time for each entry.", "redis-cli CONFIG SET stream-node-max-bytes 65536",
     Needs::redis, stream_node},
    {"redis.stream_node_entries", "Redis: entries of a stream's node", "at least 100",
     "Small nodes cost memory and time for each entry.", "redis-cli CONFIG SET stream-node-max-entries 100",
     Needs::redis, stream_entries},
    {"redis.output_buffer", "Redis: output buffer of clients", "normal 0 0 0",
     "A limit closes connections of consumers that read much.",
     "remove client-output-buffer-limit normal from redis.conf", Needs::redis, output_buffer},
    {"redis.timeout", "Redis: time-out of idle clients", "0 s",
     "Others close the engine's connections while it is idle.", "redis-cli CONFIG SET timeout 0", Needs::redis,
     timeout},
    {"redis.keepalive", "Redis: TCP keep-alive", "1 to 300 s", "Without it, connections that died stay.",
     "redis-cli CONFIG SET tcp-keepalive 300", Needs::redis, keepalive},
    {"redis.maxclients", "Redis: clients", "enough for the reactors", "Beyond it connections are refused.",
     "redis-cli CONFIG SET maxclients 10000", Needs::redis, clients},
    {"redis.io_threads", "Redis: threads", "1 on the engine's machine", "They take cores from the reactors.",
     "set io-threads 1 in redis.conf, or keep them off the cores of the engine", Needs::redis, io_threads},
    {"redis.replicas", "Redis: replicas", "sink.redis.replicas or more",
     "With fewer, each request for `replicated` is refused.", "start replicas", Needs::redis, replicas},
    {"redis.min_replicas", "Redis: replicas that writes need", "no more than there are",
     "With fewer replicas Redis takes no samples.", "redis-cli CONFIG SET min-replicas-to-write 0", Needs::redis,
     min_replicas},
    {"redis.latency_monitor", "Redis: latency monitor", "on", "It tells what stopped Redis, after the fact.",
     "redis-cli CONFIG SET latency-monitor-threshold 10", Needs::redis, latency_monitor},
    {"redis.slow_writes", "Redis: slow writes", "none", "XADD in SLOWLOG means that Redis is short of CPU or memory.",
     "redis-cli SLOWLOG GET", Needs::redis, slow_writes},
    {"redis.overcommit", "Redis: vm.overcommit_memory", "1 on Redis' machine",
     "With 0 the fork for a snapshot fails when memory is short.", "sysctl -w vm.overcommit_memory=1", Needs::redis,
     overcommit},
    {"redis.permissions", "Redis: permissions", "all commands of docs/permissions.md",
     "A command that is not allowed is refused, and nothing is delivered.",
     "redis-cli ACL SETUSER sluice '~telemetry*' +xadd", Needs::redis, permissions},
    {"cluster.slots", "Redis Cluster: slots", "ok, 16384 slots", "Samples for a slot without a server wait.",
     "redis-cli --cluster fix 127.0.0.1:7000", Needs::cluster, slots},
    {"cluster.coverage", "Redis Cluster: full coverage", "no", "With yes, one lost slot stops all writes.",
     "redis-cli CONFIG SET cluster-require-full-coverage no", Needs::cluster, coverage},
};

}  // namespace

std::span<const Check> redis_checks() { return redis_table; }

}  // namespace sluice::doctor
