#include "sinks/redis/resp/reply_stream.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <string>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"

namespace sluice::sinks::redis {
namespace {

// The reader is fed in slices, not whole receive buffers: whenever it has used 1 KiB it moves the rest of its buffer
// to the front (hiredis 1.2, read.c), so a 64 KiB feed would move 2 MiB in all, a 4 KiB feed 8 KiB.
constexpr std::size_t slice_bytes = 4 * limits::kib;

// What every accepted reply "is": the reader takes a null object for lack of memory, so it must not be null.
constexpr char accepted_reply = 0;

// hiredis takes a pointer to non-const, and only hands it back: free_object() does nothing.
void* accepted() { return const_cast<char*>(&accepted_reply); }

}  // namespace

// hiredis hands `task->privdata` = the ReplyStream to each. A null result makes the reader stop with an
// error, which is what an unexpected reply deserves.
struct ReplyStream::Callbacks {
    static ReplyStream& stream_of(const redisReadTask* task) { return *static_cast<ReplyStream*>(task->privdata); }

    static void* reject(const redisReadTask* task, const char* why) {
        stream_of(task).broken_because_ = why;
        return nullptr;
    }

    // Without a listener only the integers of a pair are taken.
    static void* tell_element(const redisReadTask* task, std::string_view text) {
        if (stream_of(task).listener_ == nullptr)
            return reject(task, "a reply of an unexpected type (within an array)");
        std::size_t depth = 0;
        for (const redisReadTask* parent = task->parent; parent != nullptr; parent = parent->parent) ++depth;
        stream_of(task).listener_->on_element(depth, task->type == REDIS_REPLY_ERROR, text);
        return accepted();
    }

    static void* create_string(const redisReadTask* task, char* text, std::size_t bytes) {
        if (task->parent != nullptr) return tell_element(task, {text, bytes});
        if (task->type == REDIS_REPLY_ERROR) return create_error(task, text, bytes);
        if (task->type != REDIS_REPLY_STRING && task->type != REDIS_REPLY_STATUS) {
            return reject(task, "a reply of an unexpected type (RESP3 string)");
        }
        stream_of(task).reply_is_error_ = false;
        stream_of(task).integers_count_ = 0;
        return accepted();
    }

    static void* create_error(const redisReadTask* task, const char* text, std::size_t bytes) {
        ReplyStream& stream = stream_of(task);
        stream.reply_is_error_ = true;
        stream.error_text_bytes_ = std::min(bytes, stream.error_text_.size());
        std::copy_n(text, stream.error_text_bytes_, stream.error_text_.begin());
        return accepted();
    }

    static void* create_integer(const redisReadTask* task, long long value) {
        ReplyStream& stream = stream_of(task);
        if (task->parent != nullptr && stream.listener_ != nullptr) return tell_element(task, {});
        if (task->parent == nullptr) stream.integers_count_ = 0;  // else create_array() has checked that there is room
        stream.integers_[stream.integers_count_++] = value;
        stream.reply_is_error_ = false;
        return accepted();
    }

    static void* create_array(const redisReadTask* task, std::size_t elements_count) {
        ReplyStream& stream = stream_of(task);
        const bool is_pair = stream.may_be_array_ && task->parent == nullptr && elements_count <= integers_count_max;
        if (task->type != REDIS_REPLY_ARRAY || (stream.listener_ == nullptr && !is_pair))
            return reject(task, "a reply of an unexpected type (array)");
        if (task->parent != nullptr) return tell_element(task, {});
        stream.integers_count_ = 0;
        stream.reply_is_error_ = false;
        return accepted();
    }
    static void* create_double(const redisReadTask* task, double, char*, std::size_t) {
        return reject(task, "a reply of an unexpected type (double)");
    }
    static void* create_nil(const redisReadTask* task) {
        if (task->parent != nullptr) return tell_element(task, {});
        return reject(task, "a reply of an unexpected type (nil)");
    }
    static void* create_bool(const redisReadTask* task, int) {
        return reject(task, "a reply of an unexpected type (boolean)");
    }
    static void free_object(void*) {}

    // hiredis takes a pointer to non-const but only reads it.
    static inline redisReplyObjectFunctions table{create_string, create_array, create_integer, create_double,
                                                  create_nil,    create_bool,  free_object};
};

ReplyStream::ReplyStream() { reset(); }

ReplyStream::~ReplyStream() { redisReaderFree(reader_); }

void ReplyStream::reset() {
    redisReaderFree(reader_);
    reader_ = redisReaderCreateWithFunctions(&Callbacks::table);
    CHECK(reader_ != nullptr);
    reader_->maxbuf = 0;  // never give the buffer back: it would be allocated again for the next reply
    reader_->privdata = this;
    given_ = {};
    broken_because_ = nullptr;
    grow_buffer();
    error_text_bytes_ = 0;
}

// The reader's buffer grows with what it is fed, so it would grow again whenever more arrives at once than ever before.
// One long reply, read now, makes it as large as it can need to be: a slice, behind a reply that is not complete,
// behind up to 1 KiB that is used (hiredis 1.2, read.c).
void ReplyStream::grow_buffer() {
    std::string reply(limits::redis_reply_bytes_max + 2 * slice_bytes, ' ');
    reply.front() = '+';
    reply += "\r\n";
    CHECK(redisReaderFeed(reader_, reply.data(), reply.size()) == REDIS_OK);
    void* taken = nullptr;
    CHECK(redisReaderGetReply(reader_, &taken) == REDIS_OK && taken == &accepted_reply);
}

void ReplyStream::give(std::span<const char> bytes) {
    CHECK(given_.empty());
    given_ = bytes;
}

ReplyStream::Next ReplyStream::next(bool may_be_array) {
    may_be_array_ = may_be_array;
    for (;;) {  // ends: each turn feeds at least one byte of given_
        const Next result = next_from_reader();
        if (result != Next::need_more || given_.empty()) return result;
        const std::size_t bytes = std::min(slice_bytes, given_.size());
        static_cast<void>(redisReaderFeed(reader_, given_.data(), bytes));  // a failure shows in the next turn
        given_ = given_.subspan(bytes);
    }
}

ReplyStream::Next ReplyStream::next_from_reader() {
    void* reply = nullptr;
    if (broken_because_ != nullptr || redisReaderGetReply(reader_, &reply) != REDIS_OK) {
        given_ = {};
        return Next::broken;
    }
    if (reply != nullptr) return reply_is_error_ ? Next::error : Next::ok;
    if (reader_->len - reader_->pos > limits::redis_reply_bytes_max) {
        broken_because_ = "a reply that is too long";
        given_ = {};
        return Next::broken;
    }
    return Next::need_more;
}

std::string_view ReplyStream::broken_because() const {
    return broken_because_ != nullptr ? broken_because_ : reader_->errstr;
}

}  // namespace sluice::sinks::redis
