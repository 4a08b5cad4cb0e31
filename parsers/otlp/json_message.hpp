// JsonMessage: OTLP as JSON, turned into the same message in the wire format of Protocol Buffers, so that one decoder
// reads both. In steps of bounded time, but for parsing: a body has text_bytes_max at most, which takes about a
// millisecond. Before that the parser's tables are touched in steps, as far as they were never used: a first use costs
// some ten times as much as parsing.
//
// As OTLP has it: names in lowerCamelCase, others and null are passed over; 64-bit integers as numbers or strings;
// doubles as numbers or strings ("NaN"); enums as integers; bytes in base64. A member that is of another type, or
// occurs twice, refuses the data points that it is of (Blame), by a field refusal_number in the message. Where it leads
// to data points, which then cannot be known, it refuses the body.
//
// The thread of its decoder.
#pragma once

#include <simdjson.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/core/lazy_array.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "parsers/otlp/message_shape.hpp"

namespace sluice::parsers::otlp {

class JsonMessage {
  public:
    enum class State : std::uint8_t { more, whole, refused };
    // More is for Protocol Buffers. The parser's tables take 12 times as much.
    static constexpr std::size_t text_bytes_max = 1 * limits::mib;

    JsonMessage();

    // `text` is borrowed until the last step; padded as a body is.
    void start(std::string_view text);
    [[nodiscard]] State step();
    // Whole: valid until start().
    [[nodiscard]] std::string_view message() const { return {&bytes_[0], bytes_count_}; }
    [[nodiscard]] Refusal refusal() const { return refusal_; }

  private:
    // `"a":[1,2` is 9 bytes of the message for 2 of the text, which is the most.
    static constexpr std::size_t message_bytes_max = 5 * text_bytes_max;
    static constexpr std::size_t frames_count_max = 160;
    // A length is written when it is known, with so many bytes (a varint may have leading zeros).
    static constexpr std::size_t length_bytes = 4;
    static_assert(message_bytes_max < std::size_t{1} << (7 * length_bytes));

    // An object, or an array of a repeated field, in the middle of being written.
    struct Frame {
        MessageShape shape;  // of an object
        const FieldShape* field;  // of an array: whose elements it has; null: an object
        simdjson::dom::object::iterator member, members_end;
        simdjson::dom::array::iterator element, elements_end;
        std::size_t length_at;  // of an object: where its length is to be written; none: of the request
        std::size_t member_at = 0;  // of an object: where the member that is being written begins
        std::uint32_t seen_bits = 0;  // of an object: its fields that were met, by their index in the shape
    };

    [[nodiscard]] bool touch_tables();
    [[nodiscard]] State parse();
    [[nodiscard]] State narrow();
    [[nodiscard]] bool write_next();
    [[nodiscard]] bool write_member(Frame& frame);
    [[nodiscard]] bool write_field(const FieldShape& field, const simdjson::dom::element& value);
    [[nodiscard]] bool write_scalar(const FieldShape& field, const simdjson::dom::element& value);
    [[nodiscard]] bool write_integer(const FieldShape& field, const simdjson::dom::element& value);
    [[nodiscard]] bool write_real(const FieldShape& field, const simdjson::dom::element& value);
    [[nodiscard]] bool write_text(const FieldShape& field, const simdjson::dom::element& value);
    [[nodiscard]] bool open_object(const FieldShape* field, MessageShape shape, const simdjson::dom::element& value);
    [[nodiscard]] bool open_array(const FieldShape& field, const simdjson::dom::array& array);
    void close_frame();
    [[nodiscard]] bool refuse(Refusal reason);
    [[nodiscard]] bool refuse_points(const FieldShape& field, Refusal reason);
    void put_refusal(Refusal reason);
    void put(char byte) { bytes_[bytes_count_++] = byte; }
    void put_varint(std::uint64_t value);
    void put_tag(std::uint32_t number, std::uint32_t wire_type_number);
    void put_fixed64(std::uint64_t value);

    simdjson::dom::parser parser_;
    std::size_t touched_bytes_ = 0;  // of a text so long the tables were touched
    std::string_view text_;
    bool is_parsed_ = false;
    bool has_wide_numbers_ = false;  // it is to be parsed again, without them
    LazyArray<char> narrow_text_;
    LazyArray<char> bytes_;
    std::size_t bytes_count_ = 0;
    std::array<Frame, frames_count_max> frames_;
    std::size_t frames_count_ = 0;
    Refusal refusal_{};
};

}  // namespace sluice::parsers::otlp
