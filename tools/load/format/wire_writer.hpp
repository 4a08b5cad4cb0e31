// WireWriter: messages of Protocol Buffers (protobuf.dev, "Encoding"), written from their end to their beginning: the
// length of an inner message is known when its head is written, so nothing is counted beforehand or moved. What is
// written later stands before: fields and samples are given in the reverse of their order. One thread's.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "engine/core/check.hpp"

namespace sluice::load {

class WireWriter {
  public:
    explicit WireWriter(std::size_t bytes_max) : bytes_(bytes_max), begin_(bytes_max) {}

    void clear() { begin_ = bytes_.size(); }
    [[nodiscard]] std::string_view view() const { return {bytes_.data() + begin_, bytes_count()}; }
    [[nodiscard]] std::size_t bytes_max() const { return bytes_.size(); }

    void varint(std::uint32_t number, std::uint64_t value) {
        put_varint(value);
        put_varint(std::uint64_t{number} << 3);
    }
    void fixed64(std::uint32_t number, std::uint64_t value) {
        put(&value, sizeof value);  // little endian, as this machine is
        put_varint(std::uint64_t{number} << 3 | 1);
    }
    void real(std::uint32_t number, double value) { fixed64(number, std::bit_cast<std::uint64_t>(value)); }
    void text(std::uint32_t number, std::string_view text) {
        message(number, [&] { put(text.data(), text.size()); });
    }
    // `write_fields` writes what the message holds.
    template <typename WriteFields>
    void message(std::uint32_t number, WriteFields write_fields) {
        delimited(write_fields);
        put_varint(std::uint64_t{number} << 3 | 2);
    }
    // Behind its length, but without a field around it.
    template <typename WriteFields>
    void delimited(WriteFields write_fields) {
        const std::size_t before_bytes = bytes_count();
        write_fields();
        put_varint(bytes_count() - before_bytes);
    }
    // Without a field around it, for packed lists.
    void put_varint(std::uint64_t value) {
        char bytes[10];  // of any 64-bit number
        std::size_t count = 0;
        for (; value > 0x7f; value >>= 7) bytes[count++] = static_cast<char>((value & 0x7f) | 0x80);
        bytes[count++] = static_cast<char>(value);
        put(bytes, count);
    }

  private:
    [[nodiscard]] std::size_t bytes_count() const { return bytes_.size() - begin_; }
    void put(const void* bytes, std::size_t count) {
        CHECK(begin_ >= count);
        begin_ -= count;
        std::memcpy(bytes_.data() + begin_, bytes, count);
    }

    std::vector<char> bytes_;
    std::size_t begin_;  // of what was written, in bytes_
};
static_assert(std::endian::native == std::endian::little);

}  // namespace sluice::load
