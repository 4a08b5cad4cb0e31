#include "engine/watch/write_trial.hpp"

#include <string_view>

#include "sinks/redis/resp/error_class.hpp"

namespace sluice::watch {
namespace {

using sinks::redis::BlockingClient;
using sinks::redis::is_error;
using sinks::redis::text_of;

// Redis 5.0 to 8.0, t_stream.c: "The ID specified in XADD must be greater than 0-0", or "is equal or smaller than …".
constexpr std::string_view only_the_id = "ERR The ID ";
constexpr std::string_view forbidden = "NOPERM";
constexpr std::string_view other_kind = "WRONGTYPE";

// Nothing where the connection broke: that is told elsewhere.
std::string error_of(const Reply& reply) {
    return reply != nullptr && is_error(*reply) ? std::string(text_of(*reply)) : std::string();
}

// Of a cluster in which slots move: another node would tell.
bool is_elsewhere(std::string_view error) {
    return error.starts_with("MOVED ") || error.starts_with("ASK ") || error.starts_with("TRYAGAIN ");
}

std::string error_of_stream(BlockingClient& client, const std::string& key) {
    std::string error = error_of(client.ask(Command{"XADD", key, "0-0", "sluice", "check"}));
    return error.starts_with(only_the_id) || is_elsewhere(error) ? std::string() : error;
}

std::string error_of_list(BlockingClient& client, const std::string& key) {
    // Alone: without it the RPUSH would count.
    std::string error = error_of(client.ask(Command{"MULTI"}));
    if (!error.empty()) return error.starts_with(forbidden) ? std::string() : error;
    if (client.is_connected()) error = error_of(client.ask(Command{"RPUSH", key, "sluice"}));
    if (client.is_connected()) static_cast<void>(client.ask(Command{"DISCARD"}));
    return is_elsewhere(error) ? std::string() : error;
}

std::string error_of_key(BlockingClient& client, const std::string& key, bool is_list) {
    std::string error = is_list ? error_of_list(client, key) : error_of_stream(client, key);
    if (!error.empty() || !client.is_connected()) return error;
    error = error_of(client.ask(Command{is_list ? "LLEN" : "XLEN", key}));
    return error.starts_with(other_kind) ? error : std::string();
}

}  // namespace

std::string why_no_sample(BlockingClient& client, const Subject& subject) {
    std::vector<std::string> keys = subject.keys;
    if (!subject.hidden_key.empty()) keys.push_back(subject.hidden_key);
    for (const std::string& key : keys) {
        if (!client.is_connected()) return {};
        const std::string error = error_of_key(client, key, subject.is_list);
        if (error.empty()) continue;
        return sinks::redis::refusal_sentence(client.peer(), error,
                                              "samples for the key " + sinks::redis::printable(key));
    }
    return {};
}

}  // namespace sluice::watch
