// Questions: what the watcher asks Redis, and what the answers mean. The watcher's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/watch/figures.hpp"
#include "sinks/redis/link/blocking_client.hpp"

namespace sluice::watch {

using sinks::redis::Command;
using sinks::redis::Reply;

// What CLIENT LIST of a server shows.
inline constexpr const char* client_name = "sluice-admission";

// What is to be watched.
struct Subject {
    std::vector<std::string> keys{};  // a stream for each partition, or the one list
    bool is_list = false;
    bool has_lag_bound = false;     // a lag that Redis cannot tell is worth a sentence
    bool has_length_bound = false;  // something keeps the keys from growing for ever
    std::string hidden_key{};  // beside `keys`: of streams whose whole names are not known; for a trial only
    bool is_tried = false;  // whether Redis takes samples is tried, once for each server: see write_trial.hpp
};

// A remark on how a server is set up against loss: one log line.
struct Remark {
    bool is_warning;
    std::string event;
    std::string reason;  // what can be lost, and when
    std::string change;  // what mends it
};

struct Findings {
    Figures figures{};
    std::string error{};  // what could not be learnt, in one sentence; empty: nothing
    bool is_reached = true;  // false: no server was there to be asked
    std::string refusal{};   // Subject::is_tried: why no sample is taken, in one sentence; empty: nothing is known
    std::vector<Remark> remarks{};         // of connections that are new
    std::vector<std::string> connected{};  // likewise: the servers that were given by a name, with their address
};

// XLEN and XINFO GROUPS of each stream, or LLEN; INFO memory; and INFO replication for is_of_no_use(). In one round
// trip.
[[nodiscard]] std::vector<Command> figure_commands(const Subject& subject);
[[nodiscard]] Findings figures_from(const Subject& subject, const std::vector<Reply>& replies);

// Whether `replies` to them are those of a server that the sink would leave: a replica, one that reads its data set, or
// one that wants a password. Another address of the same name may be the right one.
[[nodiscard]] bool is_of_no_use(const std::vector<Reply>& replies);

// How Redis is set up against loss. Empty: not known.
struct RedisSetup {
    std::string eviction_policy;  // maxmemory_policy
    std::string appendonly;  // yes, no
    std::string appendfsync;  // always, everysec, no; only where the user may CONFIG GET
    std::optional<bool> has_snapshots;  // `save` is not empty; likewise
    std::optional<std::uint64_t> limit_bytes{};  // maxmemory; 0: none
    bool wants_password = false;  // NOAUTH: it tells nothing else
};

// CONFIG GET, and INFO for those who may not.
[[nodiscard]] std::vector<Command> setup_commands();
[[nodiscard]] RedisSetup setup_from(const std::vector<Reply>& replies);

// `user`: who asks, of Redis; empty: its default user. `has_length_bound`: see Subject.
[[nodiscard]] std::vector<Remark> remarks_on(const RedisSetup& setup, bool has_length_bound,
                                             std::string_view user = {});

// The value of `name:` in a reply to INFO; empty if it has none.
[[nodiscard]] std::string_view info_field(std::string_view info, std::string_view name);

}  // namespace sluice::watch
