#include "sinks/redis/sentinel/primary_finder.hpp"

#include <hiredis/hiredis.h>

#include <charconv>
#include <memory>
#include <string_view>
#include <utility>

#include "engine/core/check.hpp"
#include "sinks/redis/link/blocking_connection.hpp"
#include "sinks/redis/resp/error_class.hpp"

namespace sluice::sinks::redis {
namespace {

struct FreeReply {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

std::string_view text_of(const redisReply& reply) {
    return reply.str == nullptr ? std::string_view{} : std::string_view(reply.str, reply.len);
}

bool is_text(const redisReply& reply) { return reply.type == REDIS_REPLY_STRING || reply.type == REDIS_REPLY_STATUS; }

// One connection for a question or two, with a timeout for each step.
class Questions {
  public:
    Questions(const ServerAddress& server, const SentinelSettings& settings)
        : settings_(settings), connection_(connect_blocking(server, settings.timeout_ns)) {
        if (connection_ == nullptr || connection_->err != 0) failure_ = why_failed(connection_, settings.timeout_ns);
    }

    // An error reply becomes the error, and so does a lost connection; was_refused() tells them apart. Authenticates if
    // that is asked for.
    [[nodiscard]] std::expected<Reply, std::string> ask(const std::vector<std::string>& words) {
        auto reply = ask_once(words);
        if (reply || !reply.error().starts_with("NOAUTH") || settings_.password.empty()) return reply;
        std::vector<std::string> login{"AUTH"};
        if (!settings_.user.empty()) login.push_back(settings_.user);
        login.push_back(settings_.password);
        if (auto answer = ask_once(login); !answer) return answer;
        return ask_once(words);
    }

    [[nodiscard]] bool was_refused() const { return failure_.empty(); }

  private:
    [[nodiscard]] std::expected<Reply, std::string> ask_once(const std::vector<std::string>& words) {
        if (!failure_.empty()) return std::unexpected(failure_);
        std::vector<const char*> texts;
        std::vector<std::size_t> lengths;
        for (const std::string& word : words) {
            texts.push_back(word.data());
            lengths.push_back(word.size());
        }
        const int count = static_cast<int>(words.size());
        Reply reply(static_cast<redisReply*>(redisCommandArgv(connection_.get(), count, texts.data(), lengths.data())));
        if (reply == nullptr) {
            failure_ = why_failed(connection_, settings_.timeout_ns);
            return std::unexpected(failure_);
        }
        if (reply->type == REDIS_REPLY_ERROR) return std::unexpected(printable(text_of(*reply)));
        return reply;
    }

    const SentinelSettings& settings_;
    BlockingConnection connection_;
    std::string failure_;  // of the connection, in words
};

}  // namespace

PrimaryFinder::PrimaryFinder(SentinelSettings settings) : settings_(std::move(settings)) {
    CHECK(!settings_.sentinels.empty());
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
    Questions questions(sentinel, settings_);
    const auto reply = questions.ask({"SENTINEL", "get-master-addr-by-name", settings_.master});
    if (!reply) return std::unexpected(reply.error());
    const redisReply& address = **reply;
    if (address.type == REDIS_REPLY_NIL) return std::unexpected("knows no such name");
    const bool is_pair = address.type == REDIS_REPLY_ARRAY && address.elements == 2 && is_text(*address.element[0]) &&
                         is_text(*address.element[1]);
    if (!is_pair) return std::unexpected("answers something else than an address");
    ServerAddress primary{std::string(text_of(*address.element[0])), 0};
    const std::string_view port = text_of(*address.element[1]);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), primary.port);
    if (error != std::errc{} || end != port.data() + port.size() || primary.port == 0 || primary.host.empty())
        return std::unexpected("answers something else than an address");
    return primary;
}

std::expected<void, std::string> PrimaryFinder::confirm(const ServerAddress& primary) const {
    Questions questions(primary, settings_);
    const auto reply = questions.ask({"ROLE"});
    // A user who may not ask may still be allowed to write: if this is a replica, the first write is answered READONLY.
    if (!reply && questions.was_refused() && reply.error().starts_with("NOPERM")) return {};
    if (!reply)
        return std::unexpected((questions.was_refused() ? "refuses ROLE: " : "can not be asked: ") + reply.error());
    const redisReply& role = **reply;
    const bool is_known = role.type == REDIS_REPLY_ARRAY && role.elements > 0 && is_text(*role.element[0]);
    if (!is_known) return std::unexpected("does not tell its role");
    if (text_of(*role.element[0]) == "master") return {};
    return std::unexpected("says it is a " + printable(text_of(*role.element[0])));
}

}  // namespace sluice::sinks::redis
