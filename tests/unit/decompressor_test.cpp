// Content codings: whole texts by every path, cut off and damaged bodies, and the bounds on what a body may cost.
// runs: release asan
#include "parsers/coding/decompressor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include <zlib.h>

#include "parsers/coding/snappy_decompressor.hpp"
#include "tests/support/compressing.hpp"
#include "tests/support/decoding.hpp"
#include "tests/support/seed.hpp"

namespace sluice {
namespace {

using parsers::Decompressor;
using tests::compressed;
using tests::GuardedBody;

constexpr std::array codings{ContentCoding::gzip, ContentCoding::zstd, ContentCoding::deflate, ContentCoding::snappy,
                             ContentCoding::snappy_framed};

Decompressor& decompressor_of(ContentCoding coding) {
    static std::array<std::unique_ptr<Decompressor>, content_codings_count> all;
    auto& found = all[static_cast<std::size_t>(coding)];
    if (found == nullptr) found = parsers::make_decompressor(coding);
    return *found;
}

// The text, or nothing if the body is refused. The room begins with `room_bytes` and doubles when it is full.
std::optional<std::string> text_of(ContentCoding coding, std::string_view body, std::size_t room_bytes = 64) {
    const GuardedBody guarded(body, 'x');
    Decompressor& decompressor = decompressor_of(coding);
    decompressor.start(guarded.view());
    std::string room(std::max<std::size_t>(room_bytes, 1), '\0');
    std::size_t written = 0;
    for (std::size_t steps = 0; steps < 1'000'000; ++steps) {
        const auto [state, written_now] = decompressor.step(room, written);
        EXPECT_GE(written_now, written);
        EXPECT_LE(written_now, room.size());
        written = written_now;
        switch (state) {
            case Decompressor::State::more: continue;
            case Decompressor::State::full: room.resize(room.size() * 2); continue;
            case Decompressor::State::end: return room.substr(0, written);
            case Decompressor::State::refused: return std::nullopt;
        }
    }
    ADD_FAILURE() << "it never ends";
    return std::nullopt;
}

std::string noise(std::size_t bytes, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::string text(bytes, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
}

// Of every length at which a path changes, compressible and not.
TEST(Decompressor, ReadsWhatTheLibrariesWrite) {
    for (const ContentCoding coding : codings)
        for (const std::size_t bytes : {0u, 1u, 2u, 100u, 65'535u, 65'536u, 65'537u, 262'144u, 262'145u, 3'000'000u})
            for (const int level : {1, 9}) {
                SCOPED_TRACE(testing::Message() << name_of(coding) << " " << bytes << " level " << level);
                const std::string lines = tests::telemetry_lines(bytes / 90 + 1).substr(0, bytes);
                for (const std::string& text : {lines, std::string(bytes, 'a'), noise(bytes, bytes)}) {
                    const std::string body = compressed(coding, text, level);
                    ASSERT_EQ(text_of(coding, body), text);
                    ASSERT_EQ(text_of(coding, body, text.size() + 1), text);
                    ASSERT_EQ(text_of(coding, body, text.size()), text);
                }
            }
}

TEST(Decompressor, DeflateMayComeWithoutItsHeader) {
    for (const std::size_t count : {1u, 100u, 20'000u}) {
        const std::string text = tests::telemetry_lines(count);
        EXPECT_EQ(text_of(ContentCoding::deflate, tests::raw_deflated(text)), text);
    }
}

TEST(Decompressor, ZstdWithoutALengthAndWithSeveralFrames) {
    for (const std::size_t count : {1u, 100u, 20'000u}) {
        const std::string text = tests::telemetry_lines(count);
        const std::string streamed = tests::streamed_zstd(text);
        EXPECT_EQ(text_of(ContentCoding::zstd, streamed), text);
        EXPECT_EQ(text_of(ContentCoding::zstd, compressed(ContentCoding::zstd, text) + streamed), text + text);
        const std::string skipped = tests::skippable_frame("a note");
        EXPECT_EQ(text_of(ContentCoding::zstd, skipped + streamed + skipped + streamed), text + text);
    }
    EXPECT_EQ(text_of(ContentCoding::zstd, tests::skippable_frame(std::string(100'000, 'x'))), "");
}

TEST(Decompressor, ZstdWindowsAreBounded) {
    const std::string text(100, 'x');
    EXPECT_EQ(text_of(ContentCoding::zstd, tests::streamed_zstd(text, 23)), text);
    EXPECT_EQ(text_of(ContentCoding::zstd, tests::streamed_zstd(text, 24)), std::nullopt);
}

TEST(Decompressor, SeveralGzipMembersAreOneText) {
    const std::string one = tests::telemetry_lines(10), other = tests::telemetry_lines(20'000);
    const std::string small = compressed(ContentCoding::gzip, one), large = compressed(ContentCoding::gzip, other);
    EXPECT_EQ(text_of(ContentCoding::gzip, small + small), one + one);
    EXPECT_EQ(text_of(ContentCoding::gzip, large + small + large), other + one + other);
    // deflate and a Snappy block end with their first.
    for (const ContentCoding coding : {ContentCoding::deflate, ContentCoding::snappy}) {
        const std::string body = compressed(coding, one);
        EXPECT_EQ(text_of(coding, body + body), std::nullopt) << name_of(coding);
    }
}

TEST(Decompressor, MembersAndFramesAreBounded) {
    for (const ContentCoding coding : {ContentCoding::gzip, ContentCoding::zstd}) {
        std::string body;
        for (std::uint32_t i = 0; i < Decompressor::members_count_max; ++i) body += compressed(coding, "");
        EXPECT_EQ(text_of(coding, body), "") << name_of(coding);
        EXPECT_EQ(text_of(coding, body + compressed(coding, "a")), std::nullopt) << name_of(coding);
    }
}

// A bare DEFLATE stream has no checksum, and no length in front; but its last block says that it is the last.
TEST(Decompressor, RefusesWhatIsCutOff) {
    for (const std::size_t count : {3u, 4'000u})
        for (const ContentCoding coding : codings) {
            const std::string body = compressed(coding, tests::telemetry_lines(count), 9);
            const std::size_t stride = body.size() < 1000 ? 1 : body.size() / 300;
            for (std::size_t bytes = 0; bytes < body.size(); bytes += stride) {
                // Snappy's frames may end behind any chunk; the first ten bytes are a whole, empty stream.
                if (coding == ContentCoding::snappy_framed && (bytes == 10 || count != 3)) continue;
                EXPECT_EQ(text_of(coding, std::string_view(body).substr(0, bytes)), std::nullopt)
                    << name_of(coding) << " " << bytes << " of " << body.size();
            }
        }
}

TEST(Decompressor, RefusesBytesBehindTheEnd) {
    for (const std::size_t count : {3u, 4'000u})
        for (const ContentCoding coding : codings)
            for (const std::string_view tail : {std::string_view("\0", 1), std::string_view("\0\0\0\0\0\0\0\0", 8),
                                                std::string_view("x"), std::string_view("{\"device_id\":\"d\"}")}) {
                const std::string body = compressed(coding, tests::telemetry_lines(count)) + std::string(tail);
                EXPECT_EQ(text_of(coding, body), std::nullopt) << name_of(coding) << " " << count << " " << tail;
            }
}

// Of codings with a checksum: no flipped bit goes unseen, but in header fields that change nothing.
TEST(Decompressor, ChecksumsAreChecked) {
    for (const std::size_t count : {3u, 4'000u}) {
        const std::string text = tests::telemetry_lines(count);
        for (const ContentCoding coding : {ContentCoding::gzip, ContentCoding::deflate, ContentCoding::snappy_framed}) {
            const std::string body = compressed(coding, text);
            const std::size_t stride = body.size() < 1000 ? 1 : body.size() / 100;
            for (std::size_t at = 0; at < body.size(); at += stride) {
                std::string damaged = body;
                damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
                const auto read = text_of(coding, damaged);
                EXPECT_TRUE(!read || *read == text) << name_of(coding) << " " << at;
            }
        }
        std::string wrong_size = compressed(ContentCoding::gzip, text);
        wrong_size.back() = static_cast<char>(wrong_size.back() + 1);  // ISIZE, 16 MiB more
        EXPECT_EQ(text_of(ContentCoding::gzip, wrong_size, text.size() + 1), std::nullopt);
    }
}

// RFC 1952 section 2.3.1: FHCRC is the lower half of the CRC-32 of what stands before it. By both libraries, which the
// room chooses.
TEST(Decompressor, TheChecksumOfAGzipHeaderIsChecked) {
    const std::string text = tests::telemetry_lines(3);
    const std::string plain = compressed(ContentCoding::gzip, text);
    std::string header = plain.substr(0, 10);
    header[3] = 2;
    const auto crc = ::crc32(0, reinterpret_cast<const unsigned char*>(header.data()), 10);
    const std::string checksum{static_cast<char>(crc & 0xff), static_cast<char>(crc >> 8 & 0xff)};
    const std::string good = header + checksum + plain.substr(10);
    std::string bad = good;
    bad[10] = static_cast<char>(bad[10] ^ 1);
    for (const std::size_t room_bytes : {std::size_t{4}, text.size(), std::size_t{1} << 20}) {
        EXPECT_EQ(text_of(ContentCoding::gzip, good, room_bytes), text) << room_bytes;
        EXPECT_EQ(text_of(ContentCoding::gzip, bad, room_bytes), std::nullopt) << room_bytes;
        EXPECT_EQ(text_of(ContentCoding::gzip, plain + good, room_bytes), text + text) << room_bytes;
        EXPECT_EQ(text_of(ContentCoding::gzip, plain + bad, room_bytes), std::nullopt) << room_bytes;
    }
}

TEST(Decompressor, NoiseIsRefusedOrEnds) {
    const std::uint64_t seed = tests::test_seed();
    for (const ContentCoding coding : codings) {
        const std::string body = compressed(coding, tests::telemetry_lines(30));
        std::mt19937_64 random(seed);
        for (int i = 0; i < 2'000; ++i) {
            std::string damaged = body;
            for (int k = 0; k < 3; ++k) damaged[random() % damaged.size()] = static_cast<char>(random());
            Decompressor& decompressor = decompressor_of(coding);
            decompressor.start(damaged);
            std::string room(100'000, '\0');
            std::size_t written = 0;
            for (int step = 0;; ++step) {
                ASSERT_LT(step, 10'000) << name_of(coding) << " seed " << seed;
                const auto progress = decompressor.step(room, written);
                written = progress.written_bytes;
                if (progress.state != Decompressor::State::more) break;
            }
        }
    }
}

// --- promises ------------------------------------------------------------------------------------------------------

TEST(Decompressor, PromisesAreWhatTheBodySays) {
    const std::string text = tests::telemetry_lines(5);
    const auto promise = [](ContentCoding coding, std::string_view body) {
        decompressor_of(coding).start(body);
        return decompressor_of(coding).promise();
    };
    for (const ContentCoding coding : {ContentCoding::gzip, ContentCoding::zstd, ContentCoding::snappy}) {
        EXPECT_EQ(promise(coding, compressed(coding, text)).text_bytes, text.size()) << name_of(coding);
        EXPECT_EQ(promise(coding, compressed(coding, text)).is_least, coding != ContentCoding::gzip);
    }
    EXPECT_EQ(promise(ContentCoding::zstd, tests::streamed_zstd(text)).text_bytes, 0u);
    EXPECT_EQ(promise(ContentCoding::gzip, "").text_bytes, 0u);
    EXPECT_EQ(promise(ContentCoding::zstd, "").text_bytes, 0u);
    EXPECT_EQ(promise(ContentCoding::snappy, "").text_bytes, 0u);
    EXPECT_EQ(promise(ContentCoding::snappy, "\xff\xff\xff\xff\x0f").text_bytes, 0xffff'ffffu);
}

// A length that nothing of the body bears out: it is refused, whatever room it is given.
TEST(Decompressor, ALengthThatIsALie) {
    for (const std::string_view preamble :
         {std::string_view("\x05"), std::string_view("\x64"), std::string_view("\x80\x80\x40")})
        EXPECT_EQ(text_of(ContentCoding::snappy, std::string(preamble) + std::string("\x0c"
                                                                                     "abcd")),
                  std::nullopt);
    // 6 bytes, a varint of more than 32 bits, one that does not end.
    for (const std::string_view bad : {"\xff\xff\xff\xff\xff\x01", "\xff\xff\xff\xff\x1f", "\xff\xff\xff"})
        EXPECT_EQ(text_of(ContentCoding::snappy, bad), std::nullopt);
}

// --- Snappy's blocks, read here ------------------------------------------------------------------------------------

// A block whose text has `bytes` bytes in front of `elements`, so that libsnappy is not asked.
std::string long_block(std::string_view elements, std::size_t elements_text_bytes) {
    constexpr std::size_t literal_bytes = Decompressor::short_text_bytes;
    std::string block;
    for (std::size_t n = literal_bytes + elements_text_bytes;; n >>= 7) {
        block += static_cast<char>((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
        if (n <= 0x7f) break;
    }
    block += static_cast<char>(62 << 2);  // a literal whose length has 3 bytes
    for (int i = 0; i < 3; ++i) block += static_cast<char>((literal_bytes - 1) >> (8 * i));
    for (std::size_t i = 0; i < literal_bytes; ++i) block += static_cast<char>('a' + i % 23);
    return block + std::string(elements);
}

TEST(Decompressor, EachKindOfSnappyElement) {
    struct Row {
        std::string_view elements;
        std::size_t text_bytes;
        bool is_taken;
    };
    using namespace std::string_view_literals;
    for (const Row& row : {
             Row{"", 0, true},
             {"\x08xyz", 3, true},
             {"\xf0\x02xyz", 3, true},  // a length of one byte
             {"\xf4\x02\x00xyz"sv, 3, true},  // of two
             {"\xf8\x02\x00\x00xyz"sv, 3, true},
             {"\xfc\x02\x00\x00\x00xyz"sv, 3, true},
             {"\x01\x05", 4, true},  // 4 bytes from 5 before
             {"\x1d\x01", 11, true},  // 11 bytes from 1 before
             {"\xe1\xff", 4, true},  // from 2047 before
             {"\xfe\xff\xff", 64, true},  // from 65,535 before
             {"\xff\x00\x00\x04\x00"sv, 64, true},  // from the text's first byte
             {"\xff\x01\x00\x04\x00"sv, 64, false},  // from one in front of it
             {"\xff\xff\xff\xff\xff", 64, false},
             {"\x01\x00"sv, 4, false},  // from nowhere
             {"\x02\x00\x00"sv, 1, false},
             {"\x01\x05", 3, false},  // longer than the text
             {"\x01\x05", 5, false},  // shorter
             {"\x08xy", 3, false},  // cut off
             {"\xf4\x02", 3, false},
             {"\xfe\xff", 64, false},
             {"\xff\x01\x00\x00", 64, false},
         }) {
        const std::string block = long_block(row.elements, row.text_bytes);
        const auto text = text_of(ContentCoding::snappy, block);
        EXPECT_EQ(text.has_value(), row.is_taken) << testing::PrintToString(row.elements);
        if (text) {
            EXPECT_EQ(text->size(), Decompressor::short_text_bytes + row.text_bytes);
        }
    }
}

TEST(Decompressor, SnappyFramesArePassedOverOrRefused) {
    const std::string text = tests::telemetry_lines(3);
    const std::string stream = compressed(ContentCoding::snappy_framed, text);
    const auto chunk = [](unsigned char kind, std::string_view content) {
        return std::string{static_cast<char>(kind), static_cast<char>(content.size()), 0, 0} + std::string(content);
    };
    for (const unsigned kind : {0x80u, 0x9fu, 0xfdu, 0xfeu})
        EXPECT_EQ(text_of(ContentCoding::snappy_framed, stream + chunk(static_cast<unsigned char>(kind), "skip")),
                  text);
    for (const unsigned kind : {0x02u, 0x40u, 0x7fu})
        EXPECT_EQ(text_of(ContentCoding::snappy_framed, stream + chunk(static_cast<unsigned char>(kind), "skip")),
                  std::nullopt);
    EXPECT_EQ(text_of(ContentCoding::snappy_framed, stream + stream), text + text);
    EXPECT_EQ(text_of(ContentCoding::snappy_framed, stream + chunk(0xff, "sNaPpX")), std::nullopt);
    EXPECT_EQ(text_of(ContentCoding::snappy_framed, stream + chunk(0x01, "abc")), std::nullopt);  // no checksum
}

}  // namespace
}  // namespace sluice
