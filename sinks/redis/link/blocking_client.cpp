#include "sinks/redis/link/blocking_client.hpp"

#include <cerrno>
#include <utility>

#include "engine/core/check.hpp"
#include "sinks/redis/link/password.hpp"
#include "sinks/redis/resp/error_class.hpp"

namespace sluice::sinks::redis {

BlockingClient::BlockingClient(RedisSettings settings, std::string name)
    : settings_(std::move(settings)),
      name_(std::move(name)),
      addresses_(settings_.addresses != nullptr ? settings_.addresses : std::make_shared<AddressBook>()) {}

bool BlockingClient::connect() {
    connection_.reset();
    has_answered_ = false;
    const auto password = password_of(settings_);
    if (!password) {
        fail(password.error());
        return false;
    }
    if (const auto found = attempt_.begin(settings_, *addresses_); !found) {
        fail(found.error());
        return false;
    }
    if (!load_tls() || !connect_to_one()) return false;
    const bool has_greeted = secure() && greet(*password);
    if (has_greeted) attempt_.worked(*addresses_);
    else attempt_.was_useless(*addresses_);
    return has_greeted;
}

void BlockingClient::leave(const std::string& why) {
    CHECK(is_connected());
    attempt_.was_useless(*addresses_);
    fail(why);
}

bool BlockingClient::load_tls() {
    if (!settings_.tls.is_on) return true;
    auto client = TlsClient::load(settings_.tls);
    if (client) tls_.emplace(*std::move(client));
    else fail(client.error());
    return client.has_value();
}

bool BlockingClient::secure() {
    if (!tls_) return true;
    const std::string why = secure_blocking(connection_, *tls_, attempt_.server().host, settings_.connect_timeout_ns);
    if (!why.empty()) fail("no TLS: " + why);
    return why.empty();
}

bool BlockingClient::connect_to_one() {
    while (attempt_.next()) {  // ends: the addresses are counted
        connection_ = connect_to_address();
        if (connection_ != nullptr && connection_->err == 0) return true;
        attempt_.failed(why_failed(connection_, settings_.connect_timeout_ns / attempt_.size()));
    }
    fail(attempt_.reasons());
    return false;
}

BlockingConnection BlockingClient::connect_to_address() const {
    const BlockingTimeouts timeouts{.connect_ns = settings_.connect_timeout_ns / attempt_.size(),
                                    .reply_ns = settings_.connect_timeout_ns};
    if (!settings_.path.empty()) return connect_blocking_to_socket(settings_.path, timeouts);
    return connect_blocking(attempt_.address(), attempt_.server().port, timeouts);
}

bool BlockingClient::greet(const std::string& password) {
    std::vector<Command> commands;
    if (!settings_.user.empty()) commands.push_back({"AUTH", settings_.user, password});
    else if (!password.empty()) commands.push_back({"AUTH", password});
    if (settings_.db != 0) commands.push_back({"SELECT", std::to_string(settings_.db)});
    const std::size_t needed_count = commands.size();
    if (!name_.empty()) commands.push_back({"CLIENT", "SETNAME", name_});  // whether it may or not
    if (commands.empty()) return true;
    const std::vector<Reply> replies = ask(commands);
    if (replies.empty()) return false;
    for (std::size_t i = 0; i < needed_count; ++i) {
        if (!is_error(*replies[i])) continue;
        fail(commands[i].front() + ": " + error_clause(text_of(*replies[i])));
        return false;
    }
    return true;
}

std::vector<Reply> BlockingClient::ask(const std::vector<Command>& commands) {
    CHECK(is_connected());
    refusal_.clear();
    for (const Command& command : commands)
        if (!send(command)) return {};
    std::vector<Reply> replies;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        void* object = nullptr;
        if (redisGetReply(connection_.get(), &object) != REDIS_OK) {
            connection_failed();
            return {};
        }
        replies.emplace_back(static_cast<redisReply*>(object));
        has_answered_ = true;
        if (!may_stay(*replies.back())) return {};
    }
    return replies;
}

// False: the server refuses the connection itself, and closes it.
bool BlockingClient::may_stay(const redisReply& reply) {
    refusal_ = is_error(reply) ? error_clause(text_of(reply)) : std::string();
    if (!is_error(reply) || !refuses_connection(text_of(reply))) return true;
    attempt_.was_useless(*addresses_);
    fail(refusal_);
    return false;
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

std::string BlockingClient::why_lost() const {
    const int error_number = errno;
    const bool is_over = connection_->err == REDIS_ERR_EOF || error_number == ECONNRESET || error_number == EPIPE;
    std::string why = tls_ ? tls_->take_clause() : std::string();
    if (!why.empty()) return why;
    errno = error_number;
    why = why_failed(connection_, settings_.connect_timeout_ns);
    if (!is_over || has_answered_ || !settings_.path.empty()) return why;
    return why + (tls_ ? tls_->guess() : std::string(tls_guess));
}

// An error that came before may be the reason. A server that took the connection and never answered is of no use.
void BlockingClient::connection_failed() {
    std::string why = why_lost();
    if (!has_answered_) attempt_.was_useless(*addresses_);
    if (!refusal_.empty()) why += "; before that it said: " + refusal_;
    fail(why);
}

}  // namespace sluice::sinks::redis
