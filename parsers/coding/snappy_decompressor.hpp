// Snappy: blocks and the framing format (format_description.txt and framing_format.txt of google/snappy). The thread of
// their owner.
#pragma once

#include "parsers/coding/decompressor.hpp"

namespace sluice::parsers {

// One block. A short one is left to libsnappy, which has no way to stop in the middle; a longer one is read here.
class SnappyBlock final : public Decompressor {
  public:
    void start(std::string_view body) override;
    [[nodiscard]] Promise promise() const override { return {.text_bytes = text_bytes_, .is_least = true}; }
    [[nodiscard]] Progress step(std::span<char> text, std::size_t written_bytes) override;

  private:
    [[nodiscard]] bool read_length();
    [[nodiscard]] Progress at_once(std::span<char> text, std::size_t written_bytes);
    [[nodiscard]] Progress in_parts(std::span<char> text, std::size_t written_bytes);
    [[nodiscard]] bool read_element();
    [[nodiscard]] std::size_t write(std::span<char> text, std::size_t written_bytes, std::size_t bytes_max);

    std::string_view body_;
    std::size_t read_bytes_ = 0;  // bytes of body_
    std::size_t text_bytes_ = 0;
    bool has_length_ = false;
    // The element that is being written: so many bytes are left of it, from the body (distance_bytes_ 0), or from so
    // far before in the text.
    std::size_t left_bytes_ = 0;
    std::size_t distance_bytes_ = 0;
};

// The framing format: chunks of at most 64 KiB of text, each with a checksum. As `x-snappy-framed`, and where a body
// that should be a block begins as a stream: some senders name it so.
class SnappyFrames final : public Decompressor {
  public:
    // A stream begins with this, and a block of telemetry does not.
    static constexpr std::string_view stream_identifier{"\xff\x06\x00\x00sNaPpY", 10};

    void start(std::string_view body) override;
    [[nodiscard]] Promise promise() const override { return {}; }
    [[nodiscard]] Progress step(std::span<char> text, std::size_t written_bytes) override;

  private:
    [[nodiscard]] Progress read_chunk(std::span<char> text, std::size_t written_bytes);

    std::string_view body_;
    std::size_t read_bytes_ = 0;  // bytes of body_
};

}  // namespace sluice::parsers
