// LineDecoder: InfluxDB line protocol in, Samples out.
//
//   measurement[,tag=value…] field=value[,field=value…] [timestamp]
//
// A line is a record and becomes one sample: the measurement is its type, one of the tags its device, all tags its
// metadata, and the fields its values (docs/formats.md has the table). The grammar is the EBNF of the reference codec,
// with the escapes of InfluxDB's servers. One pass over the bytes; names and values that have no escapes are views
// into the body.
//
// After a line that is refused it goes on behind the next line feed, also one inside quotes, as the reference does.
// offset() is the begin of such a line. The thread of its owner.
//
// Rejected: a library. Debian 12 has none for C++.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/sample_mapping.hpp"
#include "parsers/canonical_record.hpp"
#include "parsers/decoder.hpp"
#include "parsers/json_writer.hpp"
#include "parsers/name_set.hpp"

namespace sluice::parsers {

class LineDecoder final : public Decoder {
  public:
    explicit LineDecoder(const SampleMapping& mapping = {});
    ~LineDecoder() override = default;
    LineDecoder(const LineDecoder&) = delete;
    LineDecoder& operator=(const LineDecoder&) = delete;

    void start(std::string_view body, Dialect dialect, const DecodeOptions& options) override;
    [[nodiscard]] Step next() override;
    [[nodiscard]] const Sample& sample() const override { return sample_; }
    [[nodiscard]] Refusal refusal() const override { return refusal_; }
    [[nodiscard]] std::uint32_t record_index() const override { return records_count_ - 1; }
    [[nodiscard]] std::size_t offset() const override { return static_cast<std::size_t>(told_ - body_); }
    // Of a line that is too large the end is not known yet: it is behind what was read of it.
    [[nodiscard]] Extent extent() const override {
        return {static_cast<std::size_t>(begin_ - body_), static_cast<std::size_t>(at_ - body_)};
    }
    [[nodiscard]] bool is_single() const override { return false; }

  private:
    // A name or a tag's value, with its escapes.
    struct Token {
        std::string_view text;
        bool has_escapes = false;
        bool is_plain = false;  // stands in JSON as it is
    };
    using Fault = std::optional<Refusal>;

    // To the begin of the next point. Not `sample`: there is none, or not yet.
    [[nodiscard]] Step find_point();
    // Behind a line that is too large: to its line feed, which may lie behind quoted ones. False: not yet.
    [[nodiscard]] bool skip_rest();
    void leave_refused_line();
    [[nodiscard]] Fault read_point();
    [[nodiscard]] Fault read_measurement();
    [[nodiscard]] Fault read_tags();
    [[nodiscard]] Fault read_tag();
    [[nodiscard]] std::size_t device_rank_of(const Token& tag_name);
    [[nodiscard]] Fault read_fields();
    [[nodiscard]] Fault read_field();
    [[nodiscard]] Fault read_value(std::string_view key);
    [[nodiscard]] Fault read_string();
    [[nodiscard]] Fault read_bare();
    [[nodiscard]] Fault read_timestamp();
    [[nodiscard]] Fault complete();
    [[nodiscard]] Fault keep_device();

    // Up to an unescaped byte of `stop_bits`, or a control character.
    [[nodiscard]] Token take(std::uint8_t stop_bits, std::uint8_t escapable_bits);
    void skip_spaces();
    [[nodiscard]] bool is_at(char c) const { return at_ != end_ && *at_ == c; }
    [[nodiscard]] bool is_at_line_end() const;
    void write_inside(const Token& token, std::uint8_t escapable_bits, JsonWriter& out);
    // Without its escapes: `token` itself, or a copy in `buffer`. Nothing: it is longer than `buffer`.
    template <std::size_t size>
    [[nodiscard]] static std::optional<std::string_view> unescaped(const Token& token, std::uint8_t escapable_bits,
                                                                   std::array<char, size>& buffer);

    const SampleMapping::Influx mapping_;
    const char* body_ = nullptr;
    const char* at_ = nullptr;
    const char* end_ = nullptr;  // of the body, or where the line that is being read is too large
    const char* body_end_ = nullptr;
    const char* begin_ = nullptr;  // of the last point that was read
    const char* told_ = nullptr;  // see offset()
    bool is_skipping_ = false;  // the rest of a line
    bool is_in_string_ = false;
    DecodeOptions options_;
    std::uint32_t records_count_ = 0;
    Refusal refusal_{};
    Sample sample_;

    // --- of the point that is being read ---------------------------------------------------------------
    std::uint8_t seen_bits_ = 0;
    Token measurement_;
    Token device_;
    std::size_t device_rank_ = 0;  // of its tag; as many as there are: none
    NameSet tag_names_;
    NameSet field_names_;
    std::string_view first_field_;
    std::string_view string_;  // of the last string, without escapes
    ValueKind kind_ = ValueKind::none;  // of the last field
    std::string_view bare_;  // the last value that is no string
    std::array<char, limits::name_setting_bytes_max> name_text_;
    std::array<char, limits::device_id_bytes_max> device_text_;
    std::array<char, limits::type_bytes_max> type_text_;
    JsonWriter metadata_;
    JsonWriter values_;
    JsonWriter strings_;
    CanonicalRecord record_;
};

}  // namespace sluice::parsers
