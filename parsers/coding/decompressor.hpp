// Decompressor: a compressed body in, its text out, in steps of bounded time. One implementation for each family of
// content codings.
//
// Each user has its own (a reactor two), on one thread, used for every body; it allocates nothing after its first use
// of each coding. What it reads is a stranger's: no figure in it is believed before it is checked against the room.
//
//   decompressor.start(body);
//   size the room by promise(); then, with `text` as large as the room, and `written_bytes` of it written so far,
//   for (;;) switch (const auto [state, written_bytes] = decompressor.step(text, written_bytes); state) {
//       case State::more:    call step() again, in a later turn perhaps
//       case State::full:    the room is used up, and there may be more: call step() with a larger one that begins with
//                            what was written
//       case State::end:     the text is whole, and its checksum, if it has one, is right
//       case State::refused: the body is damaged or cut off, has bytes behind its end, or passes a bound of its coding
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "engine/core/content_coding.hpp"

namespace sluice::parsers {

class Decompressor {
  public:
    enum class State : std::uint8_t { more, full, end, refused };
    struct Progress {
        State state;
        std::size_t written_bytes;  // bytes of the text, in all
    };
    // What the body says of the length of its text.
    struct Promise {
        std::size_t text_bytes = 0;  // 0: nothing
        bool is_least = false;  // else it is refused
    };

    // What one step() writes at most. It takes some 0.1 ms; of bodies that are all work and no text 0.4 ms, a short
    // gzip or deflate one 1.8 ms (bench/micro/decompressor_bench.cpp).
    static constexpr std::size_t step_text_bytes = std::size_t{64} * 1024;
    // A short body whose text is no longer than that may be written by one step.
    static constexpr std::size_t short_text_bytes = std::size_t{256} * 1024;
    // Members of a gzip body, frames of a zstd body: those without text cost time and bring nothing.
    static constexpr std::uint32_t members_count_max = 1024;

    Decompressor() = default;
    virtual ~Decompressor() = default;
    Decompressor(const Decompressor&) = delete;
    Decompressor& operator=(const Decompressor&) = delete;

    // `body` is borrowed until the last step(). A body that was not read to its end may be left.
    virtual void start(std::string_view body) = 0;
    [[nodiscard]] virtual Promise promise() const = 0;
    // `text`: the room, of which this has written `written_bytes`.
    [[nodiscard]] virtual Progress step(std::span<char> text, std::size_t written_bytes) = 0;
};

// Null for identity.
[[nodiscard]] std::unique_ptr<Decompressor> make_decompressor(ContentCoding coding);

}  // namespace sluice::parsers
