// RecordTracker: where the records of a stream of sealed bytes begin and end (RFC 8446 section 5.1: a header of 5
// bytes, whose last two are the length of what follows). OpenSSL does not tell whether it holds a part of one. A value
// of a session, on the thread of its server.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::tls {

class RecordTracker {
  public:
    void pass(std::span<const char> bytes) {
        while (!bytes.empty()) {  // ends: each turn passes at least one byte
            if (left_bytes_ == 0) {
                pass_header(static_cast<unsigned char>(bytes.front()));
                bytes = bytes.subspan(1);
                continue;
            }
            const std::size_t count = std::min<std::size_t>(left_bytes_, bytes.size());
            left_bytes_ -= static_cast<std::uint32_t>(count);
            bytes = bytes.subspan(count);
        }
    }

    [[nodiscard]] bool is_mid_record() const { return left_bytes_ != 0 || header_bytes_ != 0; }

  private:
    static constexpr std::uint32_t header_bytes_max = 5;

    void pass_header(unsigned char byte) {
        ++header_bytes_;
        if (header_bytes_ == header_bytes_max - 1) length_ = static_cast<std::uint32_t>(byte) << 8;
        if (header_bytes_ < header_bytes_max) return;
        left_bytes_ = length_ | byte;
        header_bytes_ = 0;
    }

    std::uint32_t left_bytes_ = 0;  // of the record behind its header
    std::uint32_t header_bytes_ = 0;  // of the header that have passed
    std::uint32_t length_ = 0;
};

}  // namespace sluice::tls
