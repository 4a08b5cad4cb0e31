// OpenTelemetry metrics as Protocol Buffers: one resource, which is the device, and a gauge of one point for each
// sample, in their order. `seq` is an attribute of the point. Numbers of fields are those of
// opentelemetry/proto/metrics/v1 and common/v1.
#include "tools/load/format/body_writer.hpp"
#include "tools/load/format/wire_writer.hpp"

namespace sluice::load {
namespace {

constexpr std::string_view service = "sluice-load";
constexpr std::size_t metric_bytes_max = 96;  // type, unit, time, value, an attribute
constexpr std::size_t resource_bytes_max = 160;  // without the device; with the scope

class OtlpWriter final : public BodyWriter {
  public:
    explicit OtlpWriter(const BatchBounds& bounds)
        : writer_(bounds.samples_count_max * metric_bytes_max + resource_bytes_max + bounds.device_bytes_max) {}

    std::string_view write(const SampleBatch& batch) override {
        writer_.clear();
        writer_.message(1, [&] {
            writer_.message(2, [&] {
                for (std::size_t i = batch.samples.size(); i-- > 0;) metric(batch, i);
                writer_.message(1, [&] { writer_.text(1, service); });
            });
            writer_.message(1, [&] {
                text_attribute("service.name", service);
                text_attribute("device.id", batch.device);
            });
        });
        return writer_.view();
    }
    [[nodiscard]] std::size_t bytes_max() const override { return writer_.bytes_max(); }

  private:
    void text_attribute(std::string_view key, std::string_view value) {
        writer_.message(1, [&] {
            writer_.message(2, [&] { writer_.text(1, value); });
            writer_.text(1, key);
        });
    }
    void metric(const SampleBatch& batch, std::size_t index) {
        writer_.message(2, [&] {
            writer_.message(5, [&] { writer_.message(1, [&] { point(batch, index); }); });
            writer_.text(3, sample_unit);
            writer_.text(1, batch.type_of(index));
        });
    }
    void point(const SampleBatch& batch, std::size_t index) {
        writer_.message(7, [&] {
            writer_.message(2, [&] { writer_.varint(3, batch.first_seq + index); });
            writer_.text(1, "seq");
        });
        writer_.real(4, batch.samples[index].value);
        writer_.fixed64(3, static_cast<std::uint64_t>(batch.timestamp_ns));
    }

    WireWriter writer_;
};

}  // namespace

std::unique_ptr<BodyWriter> make_otlp_writer(const BatchBounds& bounds) { return std::make_unique<OtlpWriter>(bounds); }

}  // namespace sluice::load
