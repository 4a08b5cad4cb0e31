// The messages of parsers/telemetry/telemetry.proto: a TelemetryBatch that names the device once, or TelemetrySamples
// behind their lengths. `seq` is a member of `others`.
#include "tools/load/format/body_writer.hpp"
#include "tools/load/format/wire_writer.hpp"

namespace sluice::load {
namespace {

constexpr std::size_t sample_bytes_max = 96;  // without the device: type, unit, value, time, seq
constexpr std::size_t name_bytes_max = 8;  // tag and length of a device

enum class Form : std::uint8_t { batch, delimited };

class TelemetryWriter final : public BodyWriter {
  public:
    TelemetryWriter(const BatchBounds& bounds, Form form)
        : writer_(bounds.samples_count_max * (sample_bytes_max + name_bytes_max + bounds.device_bytes_max) +
                  name_bytes_max + bounds.device_bytes_max),
          form_(form) {}

    std::string_view write(const SampleBatch& batch) override {
        writer_.clear();
        const bool is_batch = form_ == Form::batch;
        if (is_batch) writer_.text(2, batch.device);
        for (std::size_t i = batch.samples.size(); i-- > 0;) {
            if (is_batch) writer_.message(1, [&] { sample(batch, i); });
            else writer_.delimited([&] { sample(batch, i); });
        }
        return writer_.view();
    }
    [[nodiscard]] std::size_t bytes_max() const override { return writer_.bytes_max(); }

  private:
    void sample(const SampleBatch& batch, std::size_t index) {
        writer_.message(10, [&] {
            writer_.message(2, [&] { writer_.varint(3, batch.first_seq + index); });
            writer_.text(1, "seq");
        });
        writer_.fixed64(6, static_cast<std::uint64_t>(batch.timestamp_ns));
        writer_.text(4, sample_unit);
        writer_.message(3, [&] { writer_.real(1, batch.samples[index].value); });
        writer_.text(2, batch.type_of(index));
        if (form_ == Form::delimited) writer_.text(1, batch.device);
    }

    WireWriter writer_;
    Form form_;
};

}  // namespace

std::unique_ptr<BodyWriter> make_telemetry_writer(const BatchBounds& bounds) {
    return std::make_unique<TelemetryWriter>(bounds, Form::batch);
}

std::unique_ptr<BodyWriter> make_telemetry_delimited_writer(const BatchBounds& bounds) {
    return std::make_unique<TelemetryWriter>(bounds, Form::delimited);
}

}  // namespace sluice::load
