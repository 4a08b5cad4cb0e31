// CollectdDecoder: the JSON of collectd's plugin write_http in, Samples out. A body is an array of value lists; each is
// a sample (docs/formats.md has the table).
//
// A value list that cannot be taken refuses itself, also where its text is not JSON: where it ends is told by its
// brackets and quotes. A body that is no array, or is cut off, is refused whole. offset() is the begin of a value list,
// or where the array breaks.
//
// Each value list is read by itself, four times: for its end, for faults of its JSON, by simdjson's index, and for its
// members. Rejected: windows of many records, as JsonDecoder has. collectd sends a few kilobytes at a time.
//
// The thread of its owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/core/limits.hpp"
#include "parsers/canonical_record.hpp"
#include "parsers/collectd/value_list.hpp"
#include "parsers/decoder.hpp"
#include "parsers/json_writer.hpp"
#include "parsers/name_set.hpp"

namespace sluice::parsers {

class CollectdDecoder final : public Decoder {
  public:
    CollectdDecoder();
    ~CollectdDecoder() override = default;
    CollectdDecoder(const CollectdDecoder&) = delete;
    CollectdDecoder& operator=(const CollectdDecoder&) = delete;

    void start(std::string_view body, Dialect dialect, const DecodeOptions& options) override;
    [[nodiscard]] Step next() override;
    [[nodiscard]] const Sample& sample() const override { return sample_; }
    [[nodiscard]] Refusal refusal() const override { return refusal_; }
    [[nodiscard]] std::uint32_t record_index() const override { return records_count_ - 1; }
    [[nodiscard]] std::size_t offset() const override { return offset_bytes_; }
    [[nodiscard]] bool is_single() const override { return false; }

  private:
    using Fault = std::optional<Refusal>;

    // Moves `at_` to the next byte that is no white space. That byte; NUL at the end of the body.
    [[nodiscard]] char skip_space();
    [[nodiscard]] Step refuse_body(Refusal reason, std::size_t at);
    [[nodiscard]] Step end_array();
    [[nodiscard]] Step take_record();
    [[nodiscard]] Fault read_record(std::string_view text);
    [[nodiscard]] Fault name_device();
    [[nodiscard]] Fault name_type();
    [[nodiscard]] Fault keep_time();
    [[nodiscard]] Fault write_values();
    void write_value(std::string_view value);
    void write_metadata();
    [[nodiscard]] Fault complete();

    std::string_view body_;
    std::size_t at_ = 0;  // what of the body was read
    bool is_ended_ = true;
    DecodeOptions options_;
    std::uint32_t records_count_ = 0;
    std::size_t offset_bytes_ = 0;
    Refusal refusal_{};
    Sample sample_;

    // --- of a value list --------------------------------------------------------------------------------
    collectd::ValueListReader reader_;
    std::array<char, limits::type_bytes_max> type_;
    NameSet names_;
    JsonWriter values_;
    JsonWriter metadata_;
    CanonicalRecord record_;
};

}  // namespace sluice::parsers
