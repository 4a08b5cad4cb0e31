#include "bench/baseline/redis_worker.hpp"

#include <chrono>
#include <cstdio>
#include <string>

namespace sluice::baseline {
namespace {

constexpr std::chrono::milliseconds reconnect_interval{100};
constexpr timeval patience{2, 0};  // of connecting and of each reply

struct FreeReply {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

// Keys are those of Sluice's defaults, and `telemetry_queue` the one that the processing service reads.
const std::vector<std::string_view>& command_of(Layout layout) {
    static const std::vector<std::string_view> rpush{"RPUSH", "telemetry_queue"};
    static const std::vector<std::string_view> xadd{"XADD", "telemetry", "*"};
    return layout == Layout::list ? rpush : xadd;
}

Reply send_and_wait(redisContext& context, const std::vector<const char*>& words,
                    const std::vector<std::size_t>& bytes) {
    void* reply = redisCommandArgv(&context, static_cast<int>(words.size()), const_cast<const char**>(words.data()),
                                   bytes.data());
    return Reply(static_cast<redisReply*>(reply));
}

}  // namespace

RedisWorker::RedisWorker(SampleQueue& queue, const config::SinkUrl& url, Layout layout)
    : queue_(queue), url_(url), layout_(layout), thread_([this] { run(); }) {}

void RedisWorker::run() {
    while (const auto sample = queue_.pop()) {
        while (!store(*sample)) {
            context_.reset();
            if (!queue_.wait_closed(reconnect_interval)) continue;
            dropped_count_.fetch_add(1 + queue_.size(), std::memory_order_relaxed);
            return;
        }
    }
}

// False: the connection broke, or there is none.
bool RedisWorker::store(const Words& sample) {
    if (context_ == nullptr && !connect()) return false;
    words_.clear();
    words_bytes_.clear();
    const auto add = [this](std::string_view word) {
        words_.push_back(word.data());
        words_bytes_.push_back(word.size());
    };
    for (const std::string_view word : command_of(layout_)) add(word);
    for (const std::string& word : sample) add(word);
    const Reply reply = send_and_wait(*context_, words_, words_bytes_);
    if (reply == nullptr) return false;
    const bool is_stored = reply->type != REDIS_REPLY_ERROR;
    (is_stored ? stored_count_ : dropped_count_).fetch_add(1, std::memory_order_relaxed);
    return true;
}

bool RedisWorker::connect() {
    redisOptions options{};
    options.connect_timeout = &patience;
    options.command_timeout = &patience;
    if (url_.path.empty()) REDIS_OPTIONS_SET_TCP(&options, url_.host.c_str(), url_.port);
    else REDIS_OPTIONS_SET_UNIX(&options, url_.path.c_str());
    context_.reset(redisConnectWithOptions(&options));
    if (context_ == nullptr || context_->err != 0) return false;
    if (!url_.password.empty() && url_.user.empty() && !greet({"AUTH", url_.password})) return false;
    if (!url_.user.empty() && !greet({"AUTH", url_.user, url_.password})) return false;
    return url_.db == 0 || greet({"SELECT", std::to_string(url_.db)});
}

bool RedisWorker::greet(const std::vector<std::string_view>& words) {
    std::vector<const char*> begins;
    std::vector<std::size_t> bytes;
    for (const std::string_view word : words) {
        begins.push_back(word.data());
        bytes.push_back(word.size());
    }
    const Reply reply = send_and_wait(*context_, begins, bytes);
    if (reply != nullptr && reply->type != REDIS_REPLY_ERROR) return true;
    std::fprintf(stderr, "baseline-gateway: Redis refuses: %s\n", reply != nullptr ? reply->str : context_->errstr);
    return false;
}

}  // namespace sluice::baseline
