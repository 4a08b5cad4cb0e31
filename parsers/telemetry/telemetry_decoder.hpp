// TelemetryDecoder: Sluice's own messages (parsers/telemetry/telemetry.proto) in, Samples out: a TelemetryBatch, one
// TelemetrySample, or TelemetrySamples with their lengths in front.
//
// The rules of a sample are those of JSON, and so are the refusals. A sample that is no such message refuses itself; a
// body whose samples cannot be told apart is refused whole. offset() is the begin of a sample. The thread of its owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/core/limits.hpp"
#include "parsers/canonical_record.hpp"
#include "parsers/decoder.hpp"
#include "parsers/json/json_decoder.hpp"
#include "parsers/json_writer.hpp"
#include "parsers/name_set.hpp"
#include "parsers/protobuf/wire.hpp"

namespace sluice::parsers {

enum class TelemetryMessage : Dialect { batch, sample, delimited };

class TelemetryDecoder final : public Decoder {
  public:
    TelemetryDecoder();
    ~TelemetryDecoder() override = default;
    TelemetryDecoder(const TelemetryDecoder&) = delete;
    TelemetryDecoder& operator=(const TelemetryDecoder&) = delete;

    void start(std::string_view body, Dialect dialect, const DecodeOptions& options) override;
    [[nodiscard]] Step next() override;
    [[nodiscard]] const Sample& sample() const override { return is_json_sample_ ? json_.sample() : sample_; }
    [[nodiscard]] Refusal refusal() const override { return refusal_; }
    [[nodiscard]] std::uint32_t record_index() const override { return records_count_ - 1; }
    [[nodiscard]] std::size_t offset() const override { return offset_bytes_; }
    [[nodiscard]] bool is_single() const override { return kind_ == TelemetryMessage::sample; }

  private:
    using Fault = std::optional<Refusal>;
    enum class Reading : std::uint8_t { defaults, samples, end };

    [[nodiscard]] Step refuse_body();
    [[nodiscard]] std::optional<Step> read_defaults();
    [[nodiscard]] std::optional<Step> read_sample_of_batch();
    [[nodiscard]] Step read_delimited();
    [[nodiscard]] Step take_sample(std::string_view message);
    [[nodiscard]] Fault read_sample(std::string_view message);
    [[nodiscard]] Fault take_field(const WireField& field);
    [[nodiscard]] Fault take_value(std::string_view message);
    [[nodiscard]] Fault take_member(std::string_view message, NameSet& names, std::size_t names_count_max,
                                    JsonWriter& object);
    [[nodiscard]] Fault take_other(std::string_view message);
    [[nodiscard]] Fault write_value(std::string_view message, JsonWriter& out, ValueKind& kind,
                                    std::string_view& text) const;
    [[nodiscard]] Fault check_texts() const;
    [[nodiscard]] Fault keep_time();
    [[nodiscard]] Fault complete();
    [[nodiscard]] Fault read_canonical();

    std::string_view body_;
    TelemetryMessage kind_ = TelemetryMessage::batch;
    DecodeOptions options_;
    WireReader body_reader_;
    Reading reading_ = Reading::samples;
    std::string_view default_device_;
    std::uint64_t base_ns_ = 0;
    std::uint32_t records_count_ = 0;
    std::size_t offset_bytes_ = 0;
    Refusal refusal_{};
    Sample sample_;

    // --- of a sample -----------------------------------------------------------------------------------
    bool has_value_ = false;
    std::uint64_t timestamp_ns_ = 0;
    std::int64_t delta_ns_ = 0;
    std::uint64_t priority_number_ = 0;
    std::string_view metadata_json_;
    NameSet value_names_, metadata_names_;
    std::array<Member, limits::members_count_max> others_;
    std::size_t others_count_ = 0;
    JsonWriter value_;
    JsonWriter values_;
    JsonWriter metadata_;
    JsonWriter kept_;  // the texts of others_
    CanonicalRecord record_;
    bool is_json_sample_ = false;  // the sample is json_'s: it has JSON of its client in it
    JsonDecoder json_;
};

}  // namespace sluice::parsers
