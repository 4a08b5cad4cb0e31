#include "tests/support/redis_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>

#include "engine/core/check.hpp"

namespace sluice::tests {
namespace {

using Context = std::unique_ptr<redisContext, decltype(&redisFree)>;
using Reply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

[[nodiscard]] Context connect_to(const sinks::RedisSettings& settings) {
    const timeval timeout{5, 0};
    Context context(settings.path.empty() ? redisConnectWithTimeout(settings.host.c_str(), settings.port, timeout)
                                          : redisConnectUnixWithTimeout(settings.path.c_str(), timeout),
                    &redisFree);
    CHECK(context != nullptr);
    if (context->err == 0) redisSetTimeout(context.get(), timeout);
    return context;
}

[[nodiscard]] Reply run(redisContext* context, const std::vector<std::string>& words) {
    std::vector<const char*> pointers;
    std::vector<std::size_t> lengths;
    for (const std::string& word : words) {
        pointers.push_back(word.data());
        lengths.push_back(word.size());
    }
    void* reply = redisCommandArgv(context, static_cast<int>(words.size()), pointers.data(), lengths.data());
    return Reply(static_cast<redisReply*>(reply), &freeReplyObject);
}

[[nodiscard]] std::string text_of(const redisReply* reply) {
    if (reply == nullptr) return "-no reply";
    switch (reply->type) {
        case REDIS_REPLY_INTEGER: return std::to_string(reply->integer);
        case REDIS_REPLY_NIL: return "";
        case REDIS_REPLY_ERROR: return "-" + std::string(reply->str, reply->len);
        case REDIS_REPLY_ARRAY: {
            std::string all;
            for (std::size_t i = 0; i < reply->elements; ++i) all += (i ? " " : "") + text_of(reply->element[i]);
            return all;
        }
        default: return std::string(reply->str, reply->len);
    }
}

[[noreturn]] void become_redis_server(const std::vector<std::string>& arguments) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, 0);
    ::dup2(null, 1);
    std::vector<char*> pointers;
    for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
    pointers.push_back(nullptr);
    ::execvp(pointers.front(), pointers.data());
    ::_exit(127);
}

}  // namespace

std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
    CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    ::close(fd);
    return ntohs(address.sin_port);
}

bool RedisServer::available() {
    static const bool found = std::system("command -v redis-server >/dev/null 2>&1") == 0;
    return found;
}

RedisServer::RedisServer(Listen listen, std::vector<std::string> arguments)
    : listen_(listen), arguments_(std::move(arguments)) {
    char folder[] = "/tmp/sluice-redis-XXXXXX";
    CHECK(::mkdtemp(folder) != nullptr);
    folder_ = folder;
    if (listen_ == Listen::tcp) port_ = free_port();
    launch();
}

RedisServer::~RedisServer() {
    if (pid_ > 0) kill_hard();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void RedisServer::launch() {
    std::vector<std::string> words{"redis-server", "--bind", "127.0.0.1", "--port", std::to_string(port_), "--save", "",
                                   "--appendonly", "no",     "--dir",     folder_};
    if (listen_ == Listen::unix_socket) words.insert(words.end(), {"--unixsocket", folder_ + "/redis.sock"});
    words.insert(words.end(), arguments_.begin(), arguments_.end());
    pid_ = ::fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) become_redis_server(words);
    for (int i = 0; i < 500 && !answers(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(answers());
}

// Any reply will do: NOAUTH and LOADING come from a running server too.
bool RedisServer::answers() const {
    const Context context = connect_to(settings());
    return context->err == 0 && run(context.get(), {"PING"}) != nullptr;
}

sinks::RedisSettings RedisServer::settings() const {
    sinks::RedisSettings settings;
    if (listen_ == Listen::tcp) {
        settings.host = "127.0.0.1";
        settings.port = port_;
    } else {
        settings.path = folder_ + "/redis.sock";
    }
    settings.connect_timeout_ns = 1'000'000'000;
    settings.reply_timeout_ns = 2'000'000'000;
    settings.backoff_min_ns = 5'000'000;
    settings.backoff_max_ns = 50'000'000;
    return settings;
}

void RedisServer::kill_hard() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

void RedisServer::start_again() { launch(); }
void RedisServer::stop_process() { ::kill(pid_, SIGSTOP); }
void RedisServer::continue_process() { ::kill(pid_, SIGCONT); }

std::string RedisServer::command(const std::vector<std::string>& words, const std::string& password) const {
    const Context context = connect_to(settings());
    if (context->err != 0) return std::string("-") + context->errstr;
    if (!password.empty()) static_cast<void>(run(context.get(), {"AUTH", password}));
    return text_of(run(context.get(), words).get());
}

std::vector<std::string> RedisServer::stream_values(const std::string& key, const std::string& field) const {
    const Context context = connect_to(settings());
    const Reply entries = run(context.get(), {"XRANGE", key, "-", "+"});
    std::vector<std::string> values;
    if (entries == nullptr || entries->type != REDIS_REPLY_ARRAY) return values;
    for (std::size_t i = 0; i < entries->elements; ++i) {
        const redisReply* fields = entries->element[i]->element[1];
        for (std::size_t f = 0; f + 1 < fields->elements; f += 2) {
            if (text_of(fields->element[f]) == field) values.push_back(text_of(fields->element[f + 1]));
        }
    }
    return values;
}

}  // namespace sluice::tests
