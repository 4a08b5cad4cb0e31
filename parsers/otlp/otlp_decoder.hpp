// OtlpDecoder: OpenTelemetry metrics (ExportMetricsServiceRequest) in, Samples out. As Protocol Buffers, or as JSON,
// which is turned into that message first (json_message.hpp).
//
// A data point is a record: the metric's name is its type, one of its attributes or its resource's names the device,
// its attributes are its metadata (docs/formats.md has the table). A point that cannot be taken refuses itself; one
// whose resource, scope or metric cannot be written, too. A body that is not that message is refused whole. Of a
// ResourceMetrics with several resources, and a ScopeMetrics with several scopes, these are merged, as messages are.
//
// Fields may come in any order, so each message is read twice: first for what its parts have in common. offset() is the
// begin of the metric. The thread of its owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/sample_mapping.hpp"
#include "parsers/canonical_record.hpp"
#include "parsers/decoder.hpp"
#include "parsers/json_writer.hpp"
#include "parsers/otlp/attributes.hpp"
#include "parsers/otlp/data_point.hpp"
#include "parsers/otlp/json_message.hpp"
#include "parsers/protobuf/wire.hpp"

namespace sluice::parsers {

enum class OtlpEncoding : Dialect { protobuf, json };

class OtlpDecoder final : public Decoder {
  public:
    explicit OtlpDecoder(const SampleMapping& mapping = {});
    ~OtlpDecoder() override = default;
    OtlpDecoder(const OtlpDecoder&) = delete;
    OtlpDecoder& operator=(const OtlpDecoder&) = delete;

    void start(std::string_view body, Dialect dialect, const DecodeOptions& options) override;
    [[nodiscard]] Step next() override;
    [[nodiscard]] const Sample& sample() const override { return sample_; }
    [[nodiscard]] Refusal refusal() const override { return refusal_; }
    [[nodiscard]] std::uint32_t record_index() const override { return records_count_ - 1; }
    [[nodiscard]] std::size_t offset() const override { return offset_bytes_; }
    [[nodiscard]] bool is_single() const override { return false; }

  private:
    using Fault = std::optional<Refusal>;
    // Where it reads: in the parts of which message, and for what.
    enum class Reading : std::uint8_t {
        json,  // turning it into a message
        request,
        resource,  // what the points of a ResourceMetrics have in common
        scopes,
        scope,  // of a ScopeMetrics
        metrics,
        metric,  // of a Metric
        data,  // of a Gauge, a Sum, …: temporality stands behind the points
        points,
    };

    [[nodiscard]] Step refuse_body(Refusal reason);
    [[nodiscard]] std::optional<Step> read_json();
    [[nodiscard]] std::optional<Step> read_request();
    [[nodiscard]] std::optional<Step> read_resource();
    [[nodiscard]] std::optional<Step> read_scopes();
    [[nodiscard]] std::optional<Step> read_scope();
    [[nodiscard]] std::optional<Step> read_metrics();
    [[nodiscard]] std::optional<Step> read_metric();
    [[nodiscard]] std::optional<Step> read_data();
    [[nodiscard]] std::optional<Step> read_points();

    void take_resource(std::string_view message);
    void complete_resource();
    void take_scope(std::string_view message);
    void complete_scope();
    void keep_refusal(const WireField& field, Fault& fault) const;
    [[nodiscard]] Fault refusal_in(std::string_view message) const;
    void take_metric_part(const WireField& field);
    void take_data(otlp::PointKind kind, std::string_view message);
    void complete_metric();
    void keep_unit();
    void fail_metric(Refusal reason);
    [[nodiscard]] Fault fault_of_metric() const;
    [[nodiscard]] Step take_point(std::string_view message);
    [[nodiscard]] Fault read_point(std::string_view message);
    [[nodiscard]] Fault write_attributes();
    [[nodiscard]] Fault name_device(const otlp::DeviceNames& of_point);
    [[nodiscard]] Fault keep_time();
    void write_value();
    void write_otlp();
    void write_otlp_text();
    [[nodiscard]] Fault complete();

    const SampleMapping::Otlp mapping_;
    std::string_view message_;  // the request
    DecodeOptions options_;
    Reading reading_ = Reading::request;
    bool is_malformed_ = false;  // a message within the one that is walked
    bool is_json_ = false;
    otlp::JsonMessage json_;
    std::uint32_t records_count_ = 0;
    std::size_t offset_bytes_ = 0;
    Refusal refusal_{};
    Sample sample_;
    WireReader request_;

    // --- of a ResourceMetrics, a ScopeMetrics, a Metric -------------------------------------------------
    std::string_view resource_metrics_, scope_metrics_, metric_;
    WireReader resource_parts_, scope_parts_, metric_parts_;
    Fault resource_fault_, scope_fault_, metric_fault_;
    otlp::DeviceNames resource_devices_;
    JsonWriter resource_;  // as JSON; empty: it has no attributes
    otlp::AttributeObject resource_attributes_{resource_, mapping_.device_attributes};
    std::string_view scope_name_, scope_version_;
    JsonWriter scope_attributes_text_;
    otlp::AttributeObject scope_attributes_{scope_attributes_text_, mapping_.device_attributes};
    JsonWriter scope_;  // as JSON; empty: it says nothing
    std::string_view name_, unit_;
    std::string_view long_unit_;  // one that Sample::unit cannot hold
    otlp::PointKind kind_{};
    std::uint32_t kinds_count_ = 0;  // data members of the metric: one of them must be there
    std::string_view data_;  // Gauge, Sum, …
    WireReader points_;
    std::uint64_t temporality_number_ = 0;
    bool is_monotonic_ = false;
    bool has_good_name_ = false;
    bool has_otlp_text_ = false;  // otlp_ is that of the metric's last point
    std::uint64_t otlp_start_ns_ = 0;  // what it says

    // --- of a point -------------------------------------------------------------------------------------
    otlp::DataPoint point_;
    std::array<Member, 3> others_;
    std::size_t others_count_ = 0;
    JsonWriter value_;
    JsonWriter metadata_;
    otlp::AttributeObject attributes_{metadata_, mapping_.device_attributes};
    JsonWriter otlp_;
    JsonWriter buckets_;
    CanonicalRecord record_;
};

}  // namespace sluice::parsers
