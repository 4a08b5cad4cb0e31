#include "sinks/redis/sentinel/primary_finder.hpp"

#include <hiredis/hiredis.h>
#include <sys/time.h>

#include <charconv>
#include <memory>
#include <string_view>
#include <utility>

#include "engine/core/check.hpp"
#include "sinks/redis/error_class.hpp"

namespace sluice::sinks::redis {
namespace {

struct FreeReply {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

std::string text_of(const ServerAddress& server) { return server.host + ":" + std::to_string(server.port); }

std::string_view text_of(const redisReply& reply) {
    return reply.str == nullptr ? std::string_view{} : std::string_view(reply.str, reply.len);
}

bool is_text(const redisReply& reply) { return reply.type == REDIS_REPLY_STRING || reply.type == REDIS_REPLY_STATUS; }

// One connection for a question or two, with a timeout for each step.
class Questions {
  public:
    Questions(const ServerAddress& server, const SentinelSettings& settings) : settings_(settings) {
        const timeval timeout{static_cast<time_t>(settings.timeout_ns / 1'000'000'000),
                              static_cast<suseconds_t>(settings.timeout_ns % 1'000'000'000 / 1'000)};
        context_.reset(redisConnectWithTimeout(server.host.c_str(), server.port, timeout));
        if (context_ != nullptr && context_->err == 0) redisSetTimeout(context_.get(), timeout);
    }

    // An error reply becomes the error, and so does a lost connection. Authenticates if that is asked for.
    [[nodiscard]] std::expected<Reply, std::string> ask(const std::vector<std::string>& words) {
        auto reply = ask_once(words);
        if (reply || !reply.error().starts_with("NOAUTH") || settings_.password.empty()) return reply;
        std::vector<std::string> login{"AUTH"};
        if (!settings_.user.empty()) login.push_back(settings_.user);
        login.push_back(settings_.password);
        if (auto answer = ask_once(login); !answer) return answer;
        return ask_once(words);
    }

  private:
    struct FreeContext {
        void operator()(redisContext* context) const { redisFree(context); }
    };

    [[nodiscard]] std::expected<Reply, std::string> ask_once(const std::vector<std::string>& words) {
        if (context_ == nullptr) return std::unexpected("out of memory");
        if (context_->err != 0) return std::unexpected(printable(context_->errstr));
        std::vector<const char*> texts;
        std::vector<std::size_t> lengths;
        for (const std::string& word : words) {
            texts.push_back(word.data());
            lengths.push_back(word.size());
        }
        const int count = static_cast<int>(words.size());
        Reply reply(static_cast<redisReply*>(redisCommandArgv(context_.get(), count, texts.data(), lengths.data())));
        if (reply == nullptr) return std::unexpected(printable(context_->errstr));
        if (reply->type == REDIS_REPLY_ERROR) return std::unexpected(printable(text_of(*reply)));
        return reply;
    }

    const SentinelSettings& settings_;
    std::unique_ptr<redisContext, FreeContext> context_;
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
    if (!reply) return std::unexpected("does not answer: " + reply.error());
    const redisReply& role = **reply;
    const bool is_known = role.type == REDIS_REPLY_ARRAY && role.elements > 0 && is_text(*role.element[0]);
    if (!is_known) return std::unexpected("does not tell its role");
    if (text_of(*role.element[0]) == "master") return {};
    return std::unexpected("says it is a " + printable(text_of(*role.element[0])));
}

}  // namespace sluice::sinks::redis
