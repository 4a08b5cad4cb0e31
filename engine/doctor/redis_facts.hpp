// RedisFacts: what a Redis server says of itself, asked over one connection. Only reads: INFO, CONFIG GET, PING,
// SLOWLOG GET, CLUSTER INFO, ACL WHOAMI and ACL DRYRUN. Main thread; blocks for each answer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/config.hpp"

namespace sluice::doctor {

struct RedisFacts {
    bool is_wanted = false;  // sink.url is of a Redis
    bool is_cluster = false;
    bool is_local = false;  // on this machine
    std::string problem{};  // why it could not be asked, a sentence; empty: it was
    std::map<std::string, std::string> info{};     // INFO everything
    std::map<std::string, std::string> settings{}; // CONFIG GET *; empty: it is refused
    std::map<std::string, std::string> cluster{};  // CLUSTER INFO
    std::optional<std::uint64_t> round_trip_ns{};  // p99 of 100 PINGs
    std::optional<bool> has_slow_writes{};  // SLOWLOG has XADD or RPUSH
    std::optional<std::vector<std::string>> forbidden{};  // commands that the user may not use; nothing: not known
};

// Connects to the server of `config`; of a cluster, to the first one that is named.
[[nodiscard]] RedisFacts ask_redis(const config::Config& config);

// `name:value` in lines that end in CR LF, as INFO has them.
[[nodiscard]] std::map<std::string, std::string> fields_of_info(const std::string& text);

}  // namespace sluice::doctor
