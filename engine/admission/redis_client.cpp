#include "engine/admission/redis_client.hpp"

#include <hiredis/hiredis.h>
#include <sys/time.h>

namespace sluice::admission {
namespace {

timeval timeval_of(std::uint64_t ns) {
    return {.tv_sec = static_cast<time_t>(ns / 1'000'000'000), .tv_usec = static_cast<suseconds_t>(ns % 1'000'000'000 / 1000)};
}

}  // namespace

void FreeReply::operator()(redisReply* reply) const { freeReplyObject(reply); }
void RedisClient::FreeContext::operator()(redisContext* context) const { redisFree(context); }

bool is_error(const redisReply& reply) { return reply.type == REDIS_REPLY_ERROR; }

std::string_view text_of(const redisReply& reply) {
    return reply.str == nullptr ? std::string_view{} : std::string_view(reply.str, reply.len);
}

RedisClient::RedisClient(const sinks::RedisSettings& settings) : settings_(settings) {}
RedisClient::~RedisClient() = default;

bool RedisClient::connect() {
    const timeval timeout = timeval_of(settings_.connect_timeout_ns);
    redisOptions options{};
    options.connect_timeout = &timeout;
    options.command_timeout = &timeout;
    sinks::ServerAddress server{settings_.host, settings_.port};
    if (settings_.find_server) {
        const auto found = settings_.find_server();
        if (!found) {
            fail(found.error());
            return false;
        }
        server = *found;
    }
    if (settings_.path.empty()) {
        REDIS_OPTIONS_SET_TCP(&options, server.host.c_str(), server.port);
    } else {
        REDIS_OPTIONS_SET_UNIX(&options, settings_.path.c_str());
    }
    context_.reset(redisConnectWithOptions(&options));
    if (context_ == nullptr || context_->err != 0) {
        fail(context_ == nullptr ? "out of memory" : context_->errstr);
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
        if (redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), words.data(), lengths.data()) != REDIS_OK) {
            fail(context_->errstr);
            return {};
        }
    }
    std::vector<Reply> replies;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        void* reply = nullptr;
        if (redisGetReply(context_.get(), &reply) != REDIS_OK) {
            fail(context_->errstr);
            return {};
        }
        replies.emplace_back(static_cast<redisReply*>(reply));
    }
    return replies;
}

void RedisClient::fail(const std::string& why) {
    failure_ = why;
    context_.reset();
}

}  // namespace sluice::admission
