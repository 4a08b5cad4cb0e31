// A reply as hiredis builds it, for whoever asks questions. Samples' replies go through ReplyStream, which builds
// nothing.
#pragma once

#include <memory>
#include <string_view>

#include <hiredis/hiredis.h>

namespace sluice::sinks::redis {

struct FreeReply {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

[[nodiscard]] inline bool is_error(const redisReply& reply) { return reply.type == REDIS_REPLY_ERROR; }
[[nodiscard]] inline bool is_text(const redisReply& reply) {
    return reply.type == REDIS_REPLY_STRING || reply.type == REDIS_REPLY_STATUS;
}
// Of a string, a status or an error; else empty. Valid as long as `reply`.
[[nodiscard]] inline std::string_view text_of(const redisReply& reply) {
    return reply.str == nullptr ? std::string_view{} : std::string_view(reply.str, reply.len);
}

}  // namespace sluice::sinks::redis
