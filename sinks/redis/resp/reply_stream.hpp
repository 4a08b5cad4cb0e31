// ReplyStream: bytes of a Redis connection in, one reply at a time out. No descriptor, no clock.
//
// Wraps hiredis' redisReader with object functions that build nothing: a reply becomes its kind and, for
// an error, the beginning of its text, or its integers. So a reply costs no allocation: the reader's buffer has its
// working size (some 40 KiB) from reset() on. Only what answers our commands is accepted: a simple string, a bulk
// string, an integer or an error, and an array of integers where the caller expects one. Nil, other arrays and RESP3
// types break the stream, before the reader recurses into them, because after an unexpected reply nobody can say which
// command the next one answers. A sink that asks for arrays says so, and gets their elements one by one.
//
// Rejected: a hand-written scanner. It would save perhaps 30 ns a reply and cost a second RESP parser.
//
// The thread of its connection.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

struct redisReader;
struct redisReadTask;

namespace sluice::sinks::redis {

// Learns the elements of array replies, while ReplyStream::next() reads them.
class ArrayListener {
  public:
    // `depth` 1: an element of the reply itself; 2: of an array within it; and so on. Integers, nil and arrays come
    // with an empty `text`, which is valid during the call.
    virtual void on_element(std::size_t depth, bool is_error, std::string_view text) = 0;

  protected:
    ~ArrayListener() = default;
};

class ReplyStream {
  public:
    ReplyStream();
    ~ReplyStream();
    ReplyStream(const ReplyStream&) = delete;
    ReplyStream& operator=(const ReplyStream&) = delete;

    // From now on arrays are accepted; null: no longer. `listener` outlives the stream.
    void accept_arrays(ArrayListener* listener) { listener_ = listener; }

    // Forgets everything but the listener: a new connection begins. Allocates.
    void reset();

    // Gives the next bytes of the connection. They are not copied: they must stay until next() has said
    // need_more, and give() may be called only then.
    void give(std::span<const char> bytes);

    enum class Next {
        ok,  // a reply that is not an error
        error,  // an error reply; error_text() until the next call
        need_more,  // everything given is used up
        broken,  // not the protocol, or a reply of a kind we never ask for; reset() is the way out
    };
    // `may_be_array`: the reply that is due may be an array of at most integers_count_max integers.
    [[nodiscard]] Next next(bool may_be_array = false);

    // The beginning of the error reply, without '-' and line end; as it came, so not necessarily printable.
    [[nodiscard]] std::string_view error_text() const { return {error_text_.data(), error_text_bytes_}; }
    // Of the last reply that was ok: its integer, or those of its array; empty for strings. Until the next call.
    [[nodiscard]] std::span<const long long> integers() const { return {integers_.data(), integers_count_}; }
    // Why next() said broken.
    [[nodiscard]] std::string_view broken_because() const;

    static constexpr std::size_t integers_count_max = 2;  // WAITAOF: local, replicas

  private:
    struct Callbacks;  // the redisReader's object functions, which write the members below

    void grow_buffer();
    [[nodiscard]] Next next_from_reader();

    redisReader* reader_ = nullptr;  // owned
    std::span<const char> given_;  // what the reader has not been fed yet
    const char* broken_because_ = nullptr;
    bool may_be_array_ = false;
    ArrayListener* listener_ = nullptr;
    bool reply_is_error_ = false;
    std::size_t integers_count_ = 0;
    std::array<long long, integers_count_max> integers_;
    std::size_t error_text_bytes_ = 0;
    std::array<char, 256> error_text_;
};

}  // namespace sluice::sinks::redis
