#include "sinks/redis/sentinel/primary_finder.hpp"

#include <charconv>
#include <string_view>
#include <utility>

#include "engine/core/check.hpp"
#include "sinks/redis/link/blocking_client.hpp"
#include "sinks/redis/link/password.hpp"
#include "sinks/redis/resp/error_class.hpp"

namespace sluice::sinks::redis {
namespace {

RedisSettings settings_of(const ServerAddress& server, const SentinelSettings& settings) {
    RedisSettings of_server;
    of_server.host = server.host;
    of_server.port = server.port;
    of_server.connect_timeout_ns = settings.timeout_ns;
    of_server.addresses = settings.addresses;
    of_server.tls = settings.tls;
    return of_server;
}

// One connection for a question or two.
class Conversation {
  public:
    Conversation(const ServerAddress& server, const SentinelSettings& settings)
        : settings_(settings), client_(settings_of(server, settings)) {
        static_cast<void>(client_.connect());  // a failure shows in ask()
    }

    // An error reply becomes the error, and so does a lost connection; was_refused() tells them apart. Authenticates if
    // that is asked for.
    [[nodiscard]] std::expected<Reply, std::string> ask(const Command& command) {
        auto reply = ask_once(command);
        if (reply || !reply.error().starts_with("NOAUTH")) return reply;
        const auto password = password_of({.password = settings_.password, .password_file = settings_.password_file});
        if (!password) return std::unexpected(password.error());
        if (password->empty()) return reply;
        Command login{"AUTH"};
        if (!settings_.user.empty()) login.push_back(settings_.user);
        login.push_back(*password);
        if (auto answer = ask_once(login); !answer) return answer;
        return ask_once(command);
    }

    [[nodiscard]] bool was_refused() const { return client_.is_connected(); }

    // The server is of no use now: other addresses of its name are tried first the next time. `why` is returned.
    [[nodiscard]] std::unexpected<std::string> leave(const std::string& why) {
        if (client_.is_connected()) client_.leave(why);
        return std::unexpected(why);
    }

  private:
    [[nodiscard]] std::expected<Reply, std::string> ask_once(const Command& command) {
        Reply reply = client_.is_connected() ? client_.ask(command) : nullptr;
        if (reply == nullptr) return std::unexpected(client_.failure());
        if (is_error(*reply)) return std::unexpected(error_clause(text_of(*reply)));
        return reply;
    }

    const SentinelSettings& settings_;
    BlockingClient client_;
};

}  // namespace

PrimaryFinder::PrimaryFinder(SentinelSettings settings) : settings_(std::move(settings)) {
    CHECK(!settings_.sentinels.empty());
    if (settings_.addresses == nullptr) settings_.addresses = std::make_shared<AddressBook>();
}

std::expected<ServerAddress, std::string> PrimaryFinder::find() {
    std::string why;
    for (std::size_t i = 0; i < settings_.sentinels.size(); ++i) {
        const std::size_t index = (first_ + i) % settings_.sentinels.size();
        auto primary = ask(settings_.sentinels[index]);
        if (primary) {
            if (const auto confirmed = confirm(*primary); confirmed) {
                first_ = index;
                return primary;
            } else {
                why = "sentinel " + text_of(settings_.sentinels[index]) + " names " + text_of(*primary) +
                      " as primary, which " + confirmed.error();
            }
        } else {
            why = "sentinel " + text_of(settings_.sentinels[index]) + ": " + primary.error();
        }
    }
    return std::unexpected("no primary " + settings_.master + ": " + why);
}

bool PrimaryFinder::has_moved_from(const ServerAddress& present) const {
    for (const ServerAddress& sentinel : settings_.sentinels) {
        const auto primary = ask(sentinel);
        if (primary && *primary != present && confirm(*primary)) return true;
    }
    return false;
}

// Sentinel documentation, "Obtaining the address of the current master": an array of host and port, or nil.
std::expected<ServerAddress, std::string> PrimaryFinder::ask(const ServerAddress& sentinel) const {
    Conversation conversation(sentinel, settings_);
    const auto reply = conversation.ask({"SENTINEL", "get-master-addr-by-name", settings_.master});
    if (!reply) return conversation.leave(reply.error());
    const redisReply& address = **reply;
    if (address.type == REDIS_REPLY_NIL) return conversation.leave("knows no such name");
    const bool is_pair = address.type == REDIS_REPLY_ARRAY && address.elements == 2 && is_text(*address.element[0]) &&
                         is_text(*address.element[1]);
    if (!is_pair) return conversation.leave("answers something else than an address");
    ServerAddress primary{std::string(text_of(*address.element[0])), 0};
    const std::string_view port = text_of(*address.element[1]);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), primary.port);
    if (error != std::errc{} || end != port.data() + port.size() || primary.port == 0 || primary.host.empty())
        return conversation.leave("answers something else than an address");
    return primary;
}

std::expected<void, std::string> PrimaryFinder::confirm(const ServerAddress& primary) const {
    Conversation conversation(primary, settings_);
    const auto reply = conversation.ask({"ROLE"});
    // A user who may not ask may still be allowed to write: if this is a replica, the first write is answered READONLY.
    if (!reply && conversation.was_refused() && reply.error().starts_with("NOPERM")) return {};
    if (!reply)
        return conversation.leave((conversation.was_refused() ? "refuses ROLE: " : "cannot be asked: ") +
                                  reply.error());
    const redisReply& role = **reply;
    const bool is_known = role.type == REDIS_REPLY_ARRAY && role.elements > 0 && is_text(*role.element[0]);
    if (!is_known) return conversation.leave("does not tell its role");
    if (text_of(*role.element[0]) == "master") return {};
    return conversation.leave("says it is a " + printable(text_of(*role.element[0])));
}

}  // namespace sluice::sinks::redis
