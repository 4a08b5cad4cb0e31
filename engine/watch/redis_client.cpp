#include "engine/watch/redis_client.hpp"

#include <hiredis/hiredis.h>

namespace sluice::admission {

void FreeReply::operator()(redisReply* reply) const { freeReplyObject(reply); }

bool is_error(const redisReply& reply) { return reply.type == REDIS_REPLY_ERROR; }

std::string_view text_of(const redisReply& reply) {
    return reply.str == nullptr ? std::string_view{} : std::string_view(reply.str, reply.len);
}

RedisClient::RedisClient(const sinks::RedisSettings& settings) : settings_(settings) {}
RedisClient::~RedisClient() = default;

bool RedisClient::connect() {
    sinks::ServerAddress server{settings_.host, settings_.port};
    if (settings_.find_server) {
        const auto found = settings_.find_server();
        if (!found) {
            fail(found.error());
            return false;
        }
        server = *found;
    }
    connection_ = settings_.path.empty()
                      ? sinks::redis::connect_blocking(server, settings_.connect_timeout_ns)
                      : sinks::redis::connect_blocking_to_socket(settings_.path, settings_.connect_timeout_ns);
    if (connection_ == nullptr || connection_->err != 0) {
        connection_failed();
        return false;
    }
    return greet();
}

bool RedisClient::greet() {
    std::vector<Command> commands;
    if (!settings_.user.empty()) commands.push_back({"AUTH", settings_.user, settings_.password});
    else if (!settings_.password.empty()) commands.push_back({"AUTH", settings_.password});
    if (settings_.db != 0) commands.push_back({"SELECT", std::to_string(settings_.db)});
    const std::size_t needed_count = commands.size();
    commands.push_back({"CLIENT", "SETNAME", "sluice-admission"});  // whether it may or not
    const std::vector<Reply> replies = ask(commands);
    if (replies.empty()) return false;
    for (std::size_t i = 0; i < needed_count; ++i) {
        if (!is_error(*replies[i])) continue;
        fail(commands[i].front() + ": " + std::string(text_of(*replies[i])));
        return false;
    }
    return true;
}

std::vector<Reply> RedisClient::ask(const std::vector<Command>& commands) {
    std::vector<const char*> words;
    std::vector<std::size_t> lengths;
    for (const Command& command : commands) {
        words.clear();
        lengths.clear();
        for (const std::string& word : command) {
            words.push_back(word.data());
            lengths.push_back(word.size());
        }
        if (redisAppendCommandArgv(connection_.get(), static_cast<int>(words.size()), words.data(), lengths.data()) !=
            REDIS_OK) {
            connection_failed();
            return {};
        }
    }
    std::vector<Reply> replies;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        void* reply = nullptr;
        if (redisGetReply(connection_.get(), &reply) != REDIS_OK) {
            connection_failed();
            return {};
        }
        replies.emplace_back(static_cast<redisReply*>(reply));
    }
    return replies;
}

void RedisClient::fail(const std::string& why) {
    failure_ = why;
    connection_.reset();
}

void RedisClient::connection_failed() { fail(sinks::redis::why_failed(connection_, settings_.connect_timeout_ns)); }

}  // namespace sluice::admission
