#include "sinks/redis/cluster/slot_query.hpp"

#include <hiredis/hiredis.h>
#include <poll.h>

#include <algorithm>
#include <string_view>

#include "engine/core/check.hpp"
#include "sinks/redis/resp/command.hpp"
#include "sinks/redis/resp/error_class.hpp"
#include "sinks/redis/resp/reply.hpp"

namespace sluice::sinks::redis {
namespace {

constexpr std::uint64_t patience_ns = 1'000'000'000;  // then another node is asked

}  // namespace

void SlotQuery::FreeReader::operator()(redisReader* reader) const { redisReaderFree(reader); }

SlotQuery::SlotQuery(RedisSettings settings)
    : settings_(std::move(settings)), timer_(std::min(patience_ns, settings_.connect_timeout_ns)) {}

void SlotQuery::begin(const ServerAddress& node, std::uint64_t now_ns) {
    CHECK(!is_running());
    settings_.host = node.host;
    settings_.port = node.port;
    session_ = std::make_unique<Session>(settings_);
    timer_.begin(now_ns);
    static_cast<void>(session_->open());  // a failure shows in advance(): the session is closed then
    sockets_count_ += session_->sockets_count();
}

std::optional<SlotQuery::Answer> SlotQuery::advance(short revents, std::uint64_t now_ns) {
    if (!is_running()) return std::nullopt;
    const std::uint64_t sockets_count = session_->sockets_count();
    auto answer = step(revents, now_ns);
    sockets_count_ += session_->sockets_count() - sockets_count;
    if (answer) {
        session_.reset();
        reader_.reset();
    }
    return answer;
}

std::uint64_t SlotQuery::deadline_ns() const {
    if (!is_running()) return 0;
    return session_->is_ready() ? timer_.end_ns() : timer_.deadline_ns(*session_);
}

std::optional<SlotQuery::Answer> SlotQuery::step(short revents, std::uint64_t now_ns) {
    if (session_->state() == Session::State::closed) return fail(session_->failure());
    if (!session_->is_ready()) {
        const bool has_failed = session_->advance(revents) == Session::Step::failed ||
                                (!session_->is_ready() && timer_.watch(*session_, now_ns) == Session::Step::failed);
        if (has_failed) return fail(session_->failure());
        if (!session_->is_ready()) return std::nullopt;
    }
    if (now_ns >= timer_.end_ns()) return leave(session_->peer() + " does not tell its slots in time");
    if (reader_ == nullptr) return ask();
    return (revents & (POLLIN | POLLERR | POLLHUP)) != 0 ? read_answer() : std::nullopt;
}

std::optional<SlotQuery::Answer> SlotQuery::ask() {
    std::string bytes = command_of({"CLUSTER", "SLOTS"});
    iovec piece{bytes.data(), bytes.size()};
    std::size_t sent_bytes = 0;
    if (session_->send({&piece, 1}, sent_bytes) == Session::Step::failed) return fail(session_->failure());
    // An empty socket buffer that does not take 31 bytes is no connection to rely on.
    if (sent_bytes != bytes.size()) return fail(session_->peer() + " takes no question");
    reader_.reset(redisReaderCreate());
    CHECK(reader_ != nullptr);
    return std::nullopt;
}

std::optional<SlotQuery::Answer> SlotQuery::read_answer() {
    do {  // ends: the answer does
        std::span<const char> bytes;
        if (session_->receive(bytes) == Session::Step::failed) return fail(session_->failure());
        // A failure shows in the next call.
        static_cast<void>(redisReaderFeed(reader_.get(), bytes.data(), bytes.size()));
    } while (session_->may_hold_more());
    void* object = nullptr;
    if (redisReaderGetReply(reader_.get(), &object) != REDIS_OK)
        return leave(session_->peer() + " does not speak the Redis protocol: " + printable(reader_->errstr));
    if (object == nullptr) return std::nullopt;
    const Reply reply(static_cast<redisReply*>(object));
    if (is_error(*reply)) return leave(refusal_sentence(session_->peer(), text_of(*reply), "CLUSTER SLOTS"));
    auto map = SlotMap::from(*reply, session_->server());
    if (!map) return leave("Redis at " + session_->peer() + ": " + map.error());
    return map;
}

// The node took the connection, and is of no use now: other addresses of its name are tried first the next time.
SlotQuery::Answer SlotQuery::leave(const std::string& why) {
    session_->set_address_back();
    return fail(why);
}

SlotQuery::Answer SlotQuery::fail(const std::string& why) const { return std::unexpected(why); }

}  // namespace sluice::sinks::redis
