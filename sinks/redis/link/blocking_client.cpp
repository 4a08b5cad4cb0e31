#include "sinks/redis/link/blocking_client.hpp"

#include <utility>

#include "engine/core/check.hpp"
#include "sinks/redis/resp/error_class.hpp"

namespace sluice::sinks::redis {

BlockingClient::BlockingClient(RedisSettings settings, std::string name)
    : settings_(std::move(settings)), name_(std::move(name)) {}

bool BlockingClient::connect() {
    ServerAddress server{settings_.host, settings_.port};
    if (settings_.find_server) {
        const auto found = settings_.find_server();
        if (!found) {
            fail(found.error());
            return false;
        }
        server = *found;
    }
    connection_ = settings_.path.empty() ? connect_blocking(server, settings_.connect_timeout_ns)
                                         : connect_blocking_to_socket(settings_.path, settings_.connect_timeout_ns);
    if (connection_ == nullptr || connection_->err != 0) {
        connection_failed();
        return false;
    }
    return greet();
}

bool BlockingClient::greet() {
    std::vector<Command> commands;
    if (!settings_.user.empty()) commands.push_back({"AUTH", settings_.user, settings_.password});
    else if (!settings_.password.empty()) commands.push_back({"AUTH", settings_.password});
    if (settings_.db != 0) commands.push_back({"SELECT", std::to_string(settings_.db)});
    const std::size_t needed_count = commands.size();
    if (!name_.empty()) commands.push_back({"CLIENT", "SETNAME", name_});  // whether it may or not
    if (commands.empty()) return true;
    const std::vector<Reply> replies = ask(commands);
    if (replies.empty()) return false;
    for (std::size_t i = 0; i < needed_count; ++i) {
        if (!is_error(*replies[i])) continue;
        fail(commands[i].front() + ": " + printable(text_of(*replies[i])));
        return false;
    }
    return true;
}

std::vector<Reply> BlockingClient::ask(const std::vector<Command>& commands) {
    CHECK(is_connected());
    for (const Command& command : commands)
        if (!send(command)) return {};
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

Reply BlockingClient::ask(const Command& command) {
    std::vector<Reply> replies = ask(std::vector<Command>{command});
    return replies.empty() ? nullptr : std::move(replies.front());
}

bool BlockingClient::send(const Command& command) {
    std::vector<const char*> words;
    std::vector<std::size_t> lengths;
    for (const std::string& word : command) {
        words.push_back(word.data());
        lengths.push_back(word.size());
    }
    const int count = static_cast<int>(words.size());
    if (redisAppendCommandArgv(connection_.get(), count, words.data(), lengths.data()) == REDIS_OK) return true;
    connection_failed();
    return false;
}

void BlockingClient::fail(const std::string& why) {
    failure_ = why;
    connection_.reset();
}

void BlockingClient::connection_failed() { fail(why_failed(connection_, settings_.connect_timeout_ns)); }

}  // namespace sluice::sinks::redis
