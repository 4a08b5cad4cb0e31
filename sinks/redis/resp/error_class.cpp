#include "sinks/redis/resp/error_class.hpp"

#include <algorithm>
#include <array>

#include "engine/core/limits.hpp"

namespace sluice::sinks::redis {
namespace {

// Redis 7.0: server.c (shared objects of createSharedObjects) and cluster.c.
constexpr std::array<std::string_view, 9> busy_codes{
    "OOM",          // above maxmemory
    "LOADING",      // reading its data set
    "MISCONF",      // cannot persist, and is told to stop writes then
    "READONLY",     // a replica
    "NOREPLICAS",   // fewer replicas than min-replicas-to-write
    "CLUSTERDOWN",  // slots are not served
    "BUSY",         // a script runs
    "TRYAGAIN",     // keys of a slot that is being moved
    "MASTERDOWN",   // a replica without its primary
};

constexpr std::array<std::string_view, 3> reconnect_codes{"READONLY", "MASTERDOWN", "NOAUTH"};

template <std::size_t n>
[[nodiscard]] bool starts_with_one_of(const std::array<std::string_view, n>& codes, std::string_view text) {
    const std::string_view code = text.substr(0, text.find(' '));
    return std::ranges::find(codes, code) != codes.end();
}

}  // namespace

CommandOutcome outcome_of_error(std::string_view text) {
    return starts_with_one_of(busy_codes, text) ? CommandOutcome::busy : CommandOutcome::refused;
}

bool error_wants_reconnect(std::string_view text) { return starts_with_one_of(reconnect_codes, text); }

bool is_of_no_use(std::string_view text) { return error_wants_reconnect(text) || text.starts_with("LOADING "); }

// Redis 5.0 to 8.0, networking.c (acceptCommonHandler, clientAcceptHandler).
bool refuses_connection(std::string_view text) {
    return text.starts_with("ERR max number of clients") || text.starts_with("DENIED ") ||
           text.starts_with("ERR Error accepting ");
}

// Redis 5.0 to 7.4, t_stream.c.
bool is_not_above_last_id(std::string_view text) {
    return text.starts_with("ERR The ID specified in XADD is equal or smaller than the target stream top item");
}

std::string refusal_sentence(std::string_view peer, std::string_view error, std::string_view command) {
    std::string sentence = "Redis at " + std::string(peer) + " refuses";
    if (!command.empty()) sentence += " " + std::string(command);
    return sentence + ": " + error_clause(error);
}

std::string error_clause(std::string_view text) {
    if (text.ends_with('.')) text.remove_suffix(1);
    return printable(text);
}

std::string printable(std::string_view text) {
    std::string shown(text.substr(0, limits::redis_error_bytes_max));
    for (char& c : shown) {
        if (c < ' ' || c > '~') c = '?';
    }
    if (text.size() > limits::redis_error_bytes_max) shown += "...";
    return shown;
}

}  // namespace sluice::sinks::redis
