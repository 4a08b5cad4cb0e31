// OpenTelemetry metrics as JSON (the OTLP specification, "JSON Protobuf Encoding": integers of 64 bits are texts), of
// the same shape as otlp_writer.cpp.
#include "tools/load/format/body_writer.hpp"
#include "tools/load/format/text_writer.hpp"

namespace sluice::load {
namespace {

constexpr std::size_t json_metric_bytes_max = 288;  // words, type, unit, and three numbers
constexpr std::size_t json_resource_bytes_max = 320;  // without the device; with the scope

class OtlpJsonWriter final : public BodyWriter {
  public:
    explicit OtlpJsonWriter(const BatchBounds& bounds)
        : text_(bounds.samples_count_max * json_metric_bytes_max + json_resource_bytes_max + bounds.device_bytes_max) {}

    std::string_view write(const SampleBatch& batch) override {
        text_.clear();
        text_ << R"({"resourceMetrics":[{"resource":{"attributes":[{"key":"device.id","value":{"stringValue":")"
              << batch.device << R"("}},{"key":"service.name","value":{"stringValue":"sluice-load"}}]},)"
              << R"("scopeMetrics":[{"scope":{"name":"sluice-load"},"metrics":[)";
        for (std::size_t i = 0; i < batch.samples.size(); ++i)
            text_ << (i == 0 ? "" : ",") << R"({"name":")" << batch.type_of(i) << R"(","unit":")" << sample_unit
                  << R"(","gauge":{"dataPoints":[{"timeUnixNano":")" << batch.timestamp_ns << R"(","asDouble":)"
                  << batch.samples[i].value << R"(,"attributes":[{"key":"seq","value":{"intValue":")"
                  << batch.first_seq + i << R"("}}]}]}})";
        text_ << "]}]}]}";
        return text_.view();
    }
    [[nodiscard]] std::size_t bytes_max() const override { return text_.bytes_max(); }

  private:
    TextWriter text_;
};

}  // namespace

std::unique_ptr<BodyWriter> make_otlp_json_writer(const BatchBounds& bounds) {
    return std::make_unique<OtlpJsonWriter>(bounds);
}

}  // namespace sluice::load
