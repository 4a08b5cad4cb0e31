// Fuzzes the content codings. The first byte of the input chooses the coding, and whether the rest is a body or a text;
// the second how large the room is at first. A body must end, or be refused, in a bounded number of steps, none of
// which writes more than it may; what is taken must be what the library itself makes of it. A text, compressed by the
// library, must come back.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "parsers/coding/decompressor.hpp"
#include "tests/support/compressing.hpp"
#include "tests/support/exact_body.hpp"

namespace {

using namespace sluice;
using parsers::Decompressor;

constexpr std::array codings{ContentCoding::gzip, ContentCoding::zstd, ContentCoding::deflate, ContentCoding::snappy,
                             ContentCoding::snappy_framed};
constexpr std::size_t text_bytes_max = std::size_t{1} << 20;

void demand(bool holds, const char* what, std::string_view of) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: %s: %zu bytes\n", what, of.size());
    std::abort();
}

Decompressor& decompressor_of(ContentCoding coding) {
    static std::array<std::unique_ptr<Decompressor>, content_codings_count> all;
    auto& found = all[static_cast<std::size_t>(coding)];
    if (found == nullptr) found = parsers::make_decompressor(coding);
    return *found;
}

struct Outcome {
    bool is_text = false;
    bool is_too_long = false;
    std::string text;
};

// The room is a block of its own for each step, so that a byte too far is seen.
Outcome decompress(ContentCoding coding, std::string_view body, std::size_t room_bytes) {
    Decompressor& decompressor = decompressor_of(coding);
    decompressor.start(body);
    std::string text;
    for (std::size_t steps = 0;; ++steps) {
        demand(steps < 100'000, "it ends", body);
        const std::unique_ptr<char[]> room(new char[room_bytes]);
        std::memcpy(room.get(), text.data(), text.size());
        const auto [state, written] = decompressor.step({room.get(), room_bytes}, text.size());
        demand(written >= text.size() && written <= room_bytes, "it writes into the room", body);
        text.assign(room.get(), written);
        switch (state) {
            case Decompressor::State::more: break;
            case Decompressor::State::end: return {.is_text = true, .is_too_long = false, .text = std::move(text)};
            case Decompressor::State::refused: return {};
            case Decompressor::State::full:
                if (room_bytes > text_bytes_max) return {.is_text = false, .is_too_long = true, .text = {}};
                room_bytes *= 2;
        }
    }
}

std::optional<std::string> snappy_text(std::string_view body) {
    std::size_t bytes = 0;
    std::string text;
    if (!snappy::GetUncompressedLength(body.data(), body.size(), &bytes) || bytes > text_bytes_max) return std::nullopt;
    if (!snappy::Uncompress(body.data(), body.size(), &text)) return std::nullopt;
    return text;
}

void check_body(ContentCoding coding, std::string_view bytes, std::size_t room_bytes) {
    const tests::ExactBody body(bytes, 'x');
    const Outcome outcome = decompress(coding, body.view, room_bytes);
    const Outcome again = decompress(coding, body.view, text_bytes_max + 1);
    if (!outcome.is_too_long && !again.is_too_long) {
        demand(outcome.is_text == again.is_text, "the room's size decides nothing", body.view);
        demand(outcome.text == again.text, "the room's size changes nothing", body.view);
    }
    if (coding != ContentCoding::snappy || outcome.is_too_long) return;
    const auto expected = snappy_text(body.view);
    demand(outcome.is_text == expected.has_value(), "as libsnappy takes or refuses it", body.view);
    if (expected) demand(outcome.text == *expected, "as libsnappy reads it", body.view);
}

void check_text(ContentCoding coding, std::string_view text, std::size_t room_bytes) {
    const std::string bytes = tests::compressed(coding, text);
    const tests::ExactBody body(bytes, 'x');
    const Outcome outcome = decompress(coding, body.view, room_bytes);
    demand(outcome.is_text && outcome.text == text, "a text comes back", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const ContentCoding coding = codings[data[0] % codings.size()];
    const std::size_t room_bytes = std::size_t{1} << (data[1] % 20);
    const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
    if (data[0] >= 128) check_text(coding, rest, room_bytes);
    else check_body(coding, rest, room_bytes);
    return 0;
}
