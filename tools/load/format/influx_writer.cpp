// InfluxDB line protocol. `seq` is a field beside `value`, as an integer: a tag would be a series for each sample.
#include "tools/load/format/body_writer.hpp"
#include "tools/load/format/text_writer.hpp"

namespace sluice::load {
namespace {

constexpr std::size_t line_bytes_max = 160;  // without the device: words, type, unit, and numbers of 20 to 24 digits

class InfluxWriter final : public BodyWriter {
  public:
    explicit InfluxWriter(const BatchBounds& bounds)
        : text_(bounds.samples_count_max * (line_bytes_max + bounds.device_bytes_max)) {}

    std::string_view write(const SampleBatch& batch) override {
        text_.clear();
        for (std::size_t i = 0; i < batch.samples.size(); ++i)
            text_ << batch.type_of(i) << ",device_id=" << batch.device << ",unit=" << sample_unit
                  << " value=" << batch.samples[i].value << ",seq=" << batch.first_seq + i << "i " << batch.timestamp_ns
                  << "\n";
        return text_.view();
    }
    [[nodiscard]] std::size_t bytes_max() const override { return text_.bytes_max(); }

  private:
    TextWriter text_;
};

}  // namespace

std::unique_ptr<BodyWriter> make_influx_writer(const BatchBounds& bounds) {
    return std::make_unique<InfluxWriter>(bounds);
}

}  // namespace sluice::load
