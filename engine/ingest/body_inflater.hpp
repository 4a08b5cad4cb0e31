// BodyInflater: undoes the content coding of one body, into a block of memory for bodies. Goes on where it stopped, so
// that a long body can be decompressed over several iterations.
//
// Bounds: the text is no longer than http.body_max (413); beyond free_text_bytes_max, no longer than
// http.compression_ratio_max times the body (400). The room is made by what the body says of itself, within these.
//
// One owner thread. Knows no clock: it is told when to stop by `may_go_on`.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "engine/core/content_coding.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "engine/http/body_pool.hpp"
#include "parsers/coding/decompressor.hpp"

namespace sluice {

struct InflateLimits {
    std::uint64_t text_bytes_max;  // http.body_max
    std::uint64_t ratio_max;  // http.compression_ratio_max; 0: no bound
};

class BodyInflater {
  public:
    enum class State : std::uint8_t {
        idle,
        inflating,  // there is more
        whole,      // text() is there
        refused,    // refusal() says why
    };
    // However small its body is, a text may be this long.
    static constexpr std::size_t free_text_bytes_max = 1 * limits::mib;

    // The pool outlives it.
    BodyInflater(http::BodyPool& pool, const InflateLimits& limits);
    ~BodyInflater() { release(); }
    BodyInflater(const BodyInflater&) = delete;
    BodyInflater& operator=(const BodyInflater&) = delete;

    // `body` is borrowed until the state is another than inflating, or release().
    void start(ContentCoding coding, std::string_view body);
    // Until the body ends, is refused, or `may_go_on()` says no; a step at least (Decompressor::step()).
    template <typename MayGoOn>
    State inflate(MayGoOn&& may_go_on) {
        do {
            step();
        } while (state_ == State::inflating && may_go_on());
        return state_;
    }
    // Gives the text's memory back, also in the middle. Idle afterwards.
    void release();

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] Refusal refusal() const { return refusal_; }
    // Padded as a body is: limits::body_padding_bytes are readable behind it.
    [[nodiscard]] std::string_view text() const { return {block_.data, written_bytes_}; }

  private:
    [[nodiscard]] bool make_room(std::size_t bytes);
    void step();
    void refuse(Refusal reason);
    void refuse_for_memory(std::size_t text_bytes);

    http::BodyPool& pool_;
    const InflateLimits limits_;
    std::array<std::unique_ptr<parsers::Decompressor>, content_codings_count> decompressors_;
    parsers::Decompressor* decompressor_ = nullptr;
    std::size_t text_bytes_max_ = 0;  // of this body
    std::size_t body_bytes_ = 0;
    http::BodyBlock block_;
    std::size_t written_bytes_ = 0;
    State state_ = State::idle;
    Refusal refusal_{};
};

}  // namespace sluice
