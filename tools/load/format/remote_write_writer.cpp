// Prometheus remote write: a series of one sample for each, as Prometheus sends them. `seq` is a label. Numbers of
// fields are those of prompb/remote.proto and types.proto (1.0) and of prompb/io/prometheus/write/v2/types.proto (2.0).
#include <algorithm>
#include <array>

#include "tools/load/format/body_writer.hpp"
#include "tools/load/format/text_writer.hpp"
#include "tools/load/format/wire_writer.hpp"

namespace sluice::load {
namespace {

constexpr std::string_view job = "sluice-load";
constexpr std::size_t series_bytes_max = 192;  // without the device: three labels, one of up to 20 digits, and a sample
constexpr std::size_t symbols_bytes_max = 192;  // without the device and the seqs

void write_sample(WireWriter& writer, const SampleBatch& batch, std::size_t index) {
    writer.message(2, [&] {
        writer.varint(2, static_cast<std::uint64_t>(batch.timestamp_ns / 1'000'000));
        writer.real(1, batch.samples[index].value);
    });
}

class RemoteWriteWriter final : public BodyWriter {
  public:
    explicit RemoteWriteWriter(const BatchBounds& bounds)
        : writer_(bounds.samples_count_max * (series_bytes_max + bounds.device_bytes_max)) {}

    std::string_view write(const SampleBatch& batch) override {
        writer_.clear();
        for (std::size_t i = batch.samples.size(); i-- > 0;)
            writer_.message(1, [&] {
                write_sample(writer_, batch, i);
                label("seq", Digits(batch.first_seq + i).view());
                label("job", job);
                label("device_id", batch.device);
                label("__name__", batch.type_of(i));
            });
        return writer_.view();
    }
    [[nodiscard]] std::size_t bytes_max() const override { return writer_.bytes_max(); }

  private:
    // From the last to the first: labels are sorted by name.
    void label(std::string_view name, std::string_view value) {
        writer_.message(1, [&] {
            writer_.text(2, value);
            writer_.text(1, name);
        });
    }

    WireWriter writer_;
};

// Texts stand once in a table, and labels are numbers of it: that of the device, of the types, then a seq a sample.
class RemoteWrite2Writer final : public BodyWriter {
  public:
    explicit RemoteWrite2Writer(const BatchBounds& bounds)
        : writer_(bounds.samples_count_max * series_bytes_max + symbols_bytes_max + bounds.device_bytes_max) {}

    std::string_view write(const SampleBatch& batch) override {
        writer_.clear();
        for (std::size_t i = batch.samples.size(); i-- > 0;)
            writer_.message(5, [&] {
                writer_.message(5, [&] {
                    writer_.varint(4, unit);
                    writer_.varint(1, type_gauge);
                });
                write_sample(writer_, batch, i);
                writer_.message(1, [&] { put_labels(batch, i); });
            });
        for (std::size_t i = batch.samples.size(); i-- > 0;) writer_.text(4, Digits(batch.first_seq + i).view());
        for (std::size_t i = sample_types.size(); i-- > 0;) writer_.text(4, sample_types[i]);
        for (const std::string_view text :
             {sample_unit, std::string_view("seq"), job, std::string_view("job"), batch.device,
              std::string_view("device_id"), std::string_view("__name__"), std::string_view("")})
            writer_.text(4, text);
        return writer_.view();
    }
    [[nodiscard]] std::size_t bytes_max() const override { return writer_.bytes_max(); }

  private:
    // Of the table; the first is always the empty text.
    enum Symbol : std::uint32_t { empty, name, device_name, device, job_name, job_value, seq_name, unit, types };
    static constexpr std::uint64_t type_gauge = 2;  // MetricType

    void put_labels(const SampleBatch& batch, std::size_t index) {
        const std::array<std::uint64_t, 8> references{
            name,        std::uint64_t{types} + batch.samples[index].type_index,
            device_name, device,
            job_name,    job_value,
            seq_name,    types + sample_types.size() + index};
        for (std::size_t i = references.size(); i-- > 0;) writer_.put_varint(references[i]);
    }

    WireWriter writer_;
};

}  // namespace

std::unique_ptr<BodyWriter> make_remote_write_writer(const BatchBounds& bounds) {
    return std::make_unique<RemoteWriteWriter>(bounds);
}

std::unique_ptr<BodyWriter> make_remote_write_2_writer(const BatchBounds& bounds) {
    return std::make_unique<RemoteWrite2Writer>(bounds);
}

}  // namespace sluice::load
