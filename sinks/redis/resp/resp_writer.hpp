// RespWriter: appends RESP to memory whose size was checked beforehand. Private to the Redis encoders.
//
// The encoder adds up an upper bound first and then writes without further checks, so that
// the cost of a field is two short copies. Everything is length-prefixed: no byte of a client is ever parsed.
//
// Rejected: redisFormatCommandArgv (a malloc and a snprintf a command), std::format_to (parses a format a field).
//
// On the thread that renders, whichever it is: a writer lives in one function.
#pragma once

#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "engine/core/check.hpp"

namespace sluice::sinks {

// What a bulk string costs besides its bytes at most: `$`, ten digits, and twice CR LF. Also an upper
// bound for an array header `*<count>\r\n`.
inline constexpr std::size_t resp_overhead_bytes_max = 16;

namespace resp_detail {

// `$<size>\r\n` of the sizes that nearly all arguments have, so that one 8-byte store writes it.
struct BulkHeader {
    std::array<char, 7> text{};
    std::uint8_t size = 0;
};

inline constexpr std::array<BulkHeader, 100> bulk_headers = [] {
    std::array<BulkHeader, 100> headers{};
    for (std::size_t length = 0; length < headers.size(); ++length) {
        BulkHeader& header = headers[length];
        header.text[header.size++] = '$';
        if (length >= 10) header.text[header.size++] = static_cast<char>('0' + length / 10);
        header.text[header.size++] = static_cast<char>('0' + length % 10);
        header.text[header.size++] = '\r';
        header.text[header.size++] = '\n';
    }
    return headers;
}();

// `number`, below 10^8, as eight digits with leading zeros. Splits it into halves, quarters and digits that
// stand beside each other in one word; the multiplications by 10486 / 2^20 and 103 / 2^10 are exact divisions by 100
// below 10^4 and by 10 below 10^2.
inline void render_eight_digits(char* to, std::uint64_t number) {
    static_assert(std::endian::native == std::endian::little, "the first digit is the lowest byte");
    const std::uint64_t halves = number / 10'000 | number % 10'000 << 32;
    const std::uint64_t hundreds = (halves * 10'486 >> 20) & 0x0000007F'0000007Fu;
    const std::uint64_t quarters = hundreds | (halves - 100 * hundreds) << 16;
    const std::uint64_t tens = (quarters * 103 >> 10) & 0x000F000F'000F000Fu;
    const std::uint64_t digits = (tens | (quarters - 10 * tens) << 8) | 0x30303030'30303030u;
    std::memcpy(to, &digits, sizeof digits);
}

// The digits of `number`, at least 10^16, behind the first ones, which `to` begins with.
inline void render_last_sixteen_digits(char* to, std::uint64_t number) {
    constexpr std::uint64_t eight_digits = 100'000'000;
    render_eight_digits(to, number / eight_digits % eight_digits);
    render_eight_digits(to + 8, number % eight_digits);
}

}  // namespace resp_detail

class RespWriter {
  public:
    explicit RespWriter(char* to) : begin_(to), to_(to) {}

    // As it is: a constant that was rendered beforehand, or the body of a bulk string.
    [[gnu::always_inline]] void raw(std::string_view text) {
        copy(text.data(), text.size());
        to_ += text.size();
    }

    [[gnu::always_inline]] void bulk(std::string_view text) {
        bulk_header(text.size());
        raw(text);
        crlf();
    }

    // A bulk string of two parts.
    void bulk(std::string_view head, std::string_view tail) {
        bulk_header(head.size() + tail.size());
        raw(head);
        raw(tail);
        crlf();
    }

    // A number that is not negative. Sample times have 19 digits since 2001, and are written where they belong, not
    // rendered elsewhere first and copied: 3 ns of a sample's 125.
    // (std::to_chars takes about 350 instructions for 19 digits: callgrind.)
    void bulk(std::int64_t number) {
        DCHECK(number >= 0);
        constexpr std::uint64_t nineteen_digits = 1'000'000'000'000'000'000, sixteen_digits = 10'000'000'000'000'000;
        const auto magnitude = static_cast<std::uint64_t>(number);
        if (magnitude >= nineteen_digits) {
            const std::uint64_t head = magnitude / sixteen_digits;  // 3 digits
            raw("$19\r\n");
            to_[0] = static_cast<char>('0' + head / 100);
            to_[1] = static_cast<char>('0' + head / 10 % 10);
            to_[2] = static_cast<char>('0' + head % 10);
            resp_detail::render_last_sixteen_digits(to_ + 3, magnitude);
            to_ += 19;
            return crlf();
        }
        std::array<char, 20> digits;
        const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), magnitude).ptr;
        bulk(std::string_view{digits.data(), static_cast<std::size_t>(end - digits.data())});
    }

    void array_header(std::size_t count) {
        *to_++ = '*';
        if (count >= 10 && count < 100) {  // of nearly every sample
            *to_++ = static_cast<char>('0' + count / 10);
            *to_++ = static_cast<char>('0' + count % 10);
        } else {
            decimal(count);
        }
        crlf();
    }

    // `$<size>\r\n`; the caller appends the bytes and crlf().
    [[gnu::always_inline]] void bulk_header(std::size_t size) {
        if (size < resp_detail::bulk_headers.size()) {
            const resp_detail::BulkHeader& header = resp_detail::bulk_headers[size];
            std::memcpy(to_, header.text.data(), header.text.size());
            to_ += header.size;
            return;
        }
        *to_++ = '$';
        decimal(size);
        crlf();
    }

    void crlf() {
        std::memcpy(to_, "\r\n", 2);
        to_ += 2;
    }

    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(to_ - begin_); }

  private:
    void decimal(std::size_t number) { to_ = std::to_chars(to_, to_ + 20, number).ptr; }

    // memcpy for the sizes that matter: two loads and stores that overlap, instead of a call: a
    // sample has a dozen arguments of 4 to 30 bytes.
    [[gnu::always_inline]] void copy(const char* from, std::size_t size) {
        if (size > 32) {
            std::memcpy(to_, from, size);
        } else if (size >= 16) {
            copy_ends<16>(from, size);
        } else if (size >= 8) {
            copy_ends<8>(from, size);
        } else if (size >= 4) {
            copy_ends<4>(from, size);
        } else {
            for (std::size_t i = 0; i < size; ++i) to_[i] = from[i];
        }
    }

    template <std::size_t width>
    void copy_ends(const char* from, std::size_t size) {
        std::array<char, width> head, tail;
        std::memcpy(head.data(), from, width);
        std::memcpy(tail.data(), from + size - width, width);
        std::memcpy(to_, head.data(), width);
        std::memcpy(to_ + size - width, tail.data(), width);
    }

    char* begin_;
    char* to_;
};

}  // namespace sluice::sinks
