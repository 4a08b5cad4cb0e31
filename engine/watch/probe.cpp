#include "engine/watch/probe.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>

#include "sinks/redis/resp/error_class.hpp"

namespace sluice::watch {
namespace {

using sinks::redis::error_clause;
using sinks::redis::is_error;
using sinks::redis::printable;
using sinks::redis::text_of;

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> integer_of(const redisReply& reply) {
    if (reply.type != REDIS_REPLY_INTEGER || reply.integer < 0) return std::nullopt;
    return static_cast<std::uint64_t>(reply.integer);
}

void raise(std::optional<std::uint64_t>& greatest, std::uint64_t value) {
    greatest = std::max(greatest.value_or(0), value);
}

// A group: names and values in turn. Its `lag` is nil when Redis cannot tell (entries were deleted from within the
// stream, or the group began at an ID of its own), and missing before Redis 7.0.
std::optional<std::uint64_t> lag_of(const redisReply& group) {
    if (group.type != REDIS_REPLY_ARRAY) return std::nullopt;
    for (std::size_t i = 0; i + 1 < group.elements; i += 2)
        if (text_of(*group.element[i]) == "lag") return integer_of(*group.element[i + 1]);
    return std::nullopt;
}

constexpr std::string_view no_such_key = "ERR no such key";

class Reading {
  public:
    explicit Reading(const std::vector<Reply>& replies) : replies_(replies) {}

    void length(const char* command) {
        const redisReply& reply = next(command);
        if (const auto length = integer_of(reply)) {
            raise(findings_.figures.length_max, *length);
            findings_.figures.length_sum = findings_.figures.length_sum.value_or(0) + *length;
        } else {
            knows_all_lengths_ = false;
        }
    }
    void groups(const std::string& key) {
        const redisReply& reply = next("XINFO GROUPS", no_such_key);
        const bool is_missing = is_error(reply) && text_of(reply).starts_with(no_such_key);
        // Nobody is behind where there is nobody, or nothing to read: that is known, and may open what a group had
        // closed.
        if (is_missing || (reply.type == REDIS_REPLY_ARRAY && reply.elements == 0)) has_no_reader_ = true;
        if (reply.type != REDIS_REPLY_ARRAY) return;
        for (std::size_t i = 0; i < reply.elements; ++i) {
            if (const auto lag = lag_of(*reply.element[i])) raise(findings_.figures.group_lag_max, *lag);
            else if (key_of_unknown_lag_.empty()) key_of_unknown_lag_ = key;
        }
    }
    void memory() {
        const std::string_view info = text_of(next("INFO memory"));
        const auto used = number_of(info_field(info, "used_memory"));
        // Replication and append-only buffers, which Redis does not count against maxmemory either.
        const std::uint64_t not_counted = number_of(info_field(info, "mem_not_counted_for_evict")).value_or(0);
        if (used) findings_.figures.used_bytes = *used - std::min(*used, not_counted);
        findings_.figures.limit_bytes = number_of(info_field(info, "maxmemory"));
        if (is_error(*replies_[at_ - 1])) findings_.figures.used_bytes = findings_.figures.limit_bytes = std::nullopt;
    }
    Findings take(bool has_lag_bound) {
        if (!knows_all_lengths_) findings_.figures.length_sum = std::nullopt;  // a part of a sum is no sum
        for (const auto& [command, error] : refused_)
            findings_.error +=
                (findings_.error.empty() ? "Redis refuses " : "; ") + std::string(command) + ": " + error;
        if (has_lag_bound && has_no_reader_ && key_of_unknown_lag_.empty()) raise(findings_.figures.group_lag_max, 0);
        if (has_lag_bound && !key_of_unknown_lag_.empty() && findings_.error.empty())
            findings_.error = "Redis does not know the lag of a group of " + printable(key_of_unknown_lag_) +
                              ", so admission.group_lag_max does not count it";
        return std::move(findings_);
    }

  private:
    // The first error of a command.
    struct Refused {
        std::string_view command;
        std::string error;
    };

    const redisReply& next(std::string_view what, std::string_view tolerated = {}) {
        const redisReply& reply = *replies_[at_++];
        const bool is_tolerated = !tolerated.empty() && text_of(reply).starts_with(tolerated);
        if (is_error(reply) && !is_tolerated && std::ranges::find(refused_, what, &Refused::command) == refused_.end())
            refused_.push_back({what, error_clause(text_of(reply))});
        return reply;
    }

    const std::vector<Reply>& replies_;
    std::size_t at_ = 0;
    bool knows_all_lengths_ = true;
    std::vector<Refused> refused_;
    std::string key_of_unknown_lag_;  // the first one
    bool has_no_reader_ = false;  // some stream is missing, or has no group
    Findings findings_;
};

// The value of a CONFIG GET of one name; nothing if it was refused.
std::optional<std::string> config_value(const redisReply& reply) {
    if (reply.type != REDIS_REPLY_ARRAY || reply.elements < 2) return std::nullopt;
    return std::string(text_of(*reply.element[1]));
}

// A volatile- policy touches only keys that expire, which streams do not unless somebody says so.
void add_eviction_remark(const RedisSetup& setup, std::vector<Remark>& remarks) {
    const std::string& policy = setup.eviction_policy;
    if (policy.empty() || policy == "noeviction") return;
    const bool is_volatile = policy.starts_with("volatile-");
    remarks.push_back({!is_volatile, "redis_evicts",
                       "maxmemory-policy is " + policy +
                           ": when memory is short Redis may delete streams with samples that were acknowledged" +
                           (is_volatile ? ", if somebody gave them a time to live" : ""),
                       "CONFIG SET maxmemory-policy noeviction"});
}

Remark unbounded_remark(bool has_length_bound) {
    if (has_length_bound)
        return {false, "redis_unbounded",
                "maxmemory is 0: Redis may use all memory of its machine, and admission.memory_max has no effect",
                "CONFIG SET maxmemory to what Redis may use"};
    return {true, "redis_unbounded",
            "maxmemory is 0, and nothing bounds what is stored: it grows until the machine has no memory left",
            "CONFIG SET maxmemory to what Redis may use, or set sink.redis.maxlen (streams) or "
            "admission.stream_length_max"};
}

void add_persistence_remark(const RedisSetup& setup, std::vector<Remark>& remarks) {
    if (setup.appendonly == "no") {
        const bool has_snapshots = setup.has_snapshots.value_or(false);
        const std::string kept = has_snapshots         ? "what came after the last snapshot"
                                 : setup.has_snapshots ? "everything"
                                                       : "what came after the last snapshot, or everything";
        remarks.push_back({setup.has_snapshots == false, "redis_not_persistent",
                           "appendonly is no: a crash of Redis loses " + kept,
                           "CONFIG SET appendonly yes, and appendfsync always"});
    } else if (!setup.appendfsync.empty() && setup.appendfsync != "always") {
        remarks.push_back({false, "redis_fsync",
                           "appendfsync is " + setup.appendfsync + ": a power loss loses the last " +
                               (setup.appendfsync == "everysec" ? "second or two" : "half minute or so"),
                           "CONFIG SET appendfsync always"});
    }
}

}  // namespace

std::string_view info_field(std::string_view info, std::string_view name) {
    const std::string prefix = std::string(name) + ":";
    for (std::size_t at = 0; at < info.size();) {
        const std::size_t end = std::min(info.find("\r\n", at), info.size());
        const std::string_view line = info.substr(at, end - at);
        if (line.starts_with(prefix)) return line.substr(prefix.size());
        at = end + 2;
    }
    return {};
}

std::vector<Command> figure_commands(const Subject& subject) {
    std::vector<Command> commands;
    for (const std::string& key : subject.keys) {
        commands.push_back({subject.is_list ? "LLEN" : "XLEN", key});
        if (!subject.is_list) commands.push_back({"XINFO", "GROUPS", key});
    }
    commands.push_back({"INFO", "memory"});
    commands.push_back({"INFO", "replication"});
    return commands;
}

bool is_of_no_use(const std::vector<Reply>& replies) {
    const auto tells = [](const Reply& reply) {
        if (is_error(*reply)) return sinks::redis::is_of_no_use(text_of(*reply));
        return info_field(text_of(*reply), "role") == "slave";
    };
    return std::ranges::any_of(replies, tells);
}

Findings figures_from(const Subject& subject, const std::vector<Reply>& replies) {
    Reading reading(replies);
    for (std::size_t i = 0; i < subject.keys.size(); ++i) {
        reading.length(subject.is_list ? "LLEN" : "XLEN");
        if (!subject.is_list) reading.groups(subject.keys[i]);
    }
    reading.memory();
    return reading.take(subject.has_lag_bound);
}

std::vector<Command> setup_commands() {
    return {{"INFO", "memory"}, {"INFO", "persistence"}, {"CONFIG", "GET", "appendfsync"}, {"CONFIG", "GET", "save"}};
}

RedisSetup setup_from(const std::vector<Reply>& replies) {
    RedisSetup setup;
    const std::string_view memory = text_of(*replies[0]);
    setup.wants_password = memory.starts_with("NOAUTH");
    setup.eviction_policy = info_field(memory, "maxmemory_policy");
    setup.limit_bytes = number_of(info_field(memory, "maxmemory"));
    const std::string_view aof = info_field(text_of(*replies[1]), "aof_enabled");
    if (!aof.empty()) setup.appendonly = aof == "1" ? "yes" : "no";
    setup.appendfsync = config_value(*replies[2]).value_or("");
    if (const auto save = config_value(*replies[3])) setup.has_snapshots = !save->empty();
    return setup;
}

std::vector<Remark> remarks_on(const RedisSetup& setup, bool has_length_bound, std::string_view user) {
    std::vector<Remark> remarks;
    if (setup.wants_password) {
        remarks.push_back({true, "redis_setup_unknown", "Redis wants a password, and none is set",
                           "sink.redis.password_file, or the variable SLUICE_SINK_REDIS_PASSWORD"});
    } else if (setup.eviction_policy.empty() && setup.appendonly.empty()) {
        remarks.push_back({false, "redis_setup_unknown",
                           "INFO is forbidden, so eviction and persistence are not checked",
                           "ACL SETUSER " + (user.empty() ? "default" : printable(user)) + " +info +config|get"});
    }
    if (setup.limit_bytes == 0) remarks.push_back(unbounded_remark(has_length_bound));
    add_eviction_remark(setup, remarks);
    add_persistence_remark(setup, remarks);
    return remarks;
}

}  // namespace sluice::watch
