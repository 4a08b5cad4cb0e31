// BodyWriter: the bodies of one format, one after another. Allocates only when it is made. The load thread that made
// it.
//
// Each sample carries its seq where the format has room for it, so that `sluice-load verify` finds it again in any
// layout of Redis (tools/load/ledger/sample_mark.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "tools/load/format/body_format.hpp"
#include "tools/load/format/sample_batch.hpp"

namespace sluice::load {

class BodyWriter {
  public:
    BodyWriter() = default;
    virtual ~BodyWriter() = default;
    BodyWriter(const BodyWriter&) = delete;
    BodyWriter& operator=(const BodyWriter&) = delete;

    // Valid until the next call. The batch is within the bounds that the writer was made for.
    [[nodiscard]] virtual std::string_view write(const SampleBatch& batch) = 0;
    // No body is longer.
    [[nodiscard]] virtual std::size_t bytes_max() const = 0;
};

// Of the batches that a writer gets.
struct BatchBounds {
    std::size_t samples_count_max = 1;
    std::size_t device_bytes_max = 0;
};

// Null for formats whose bodies are templates (has_writer()).
[[nodiscard]] std::unique_ptr<BodyWriter> make_body_writer(BodyFormat format, const BatchBounds& bounds);

[[nodiscard]] std::unique_ptr<BodyWriter> make_influx_writer(const BatchBounds& bounds);
[[nodiscard]] std::unique_ptr<BodyWriter> make_remote_write_writer(const BatchBounds& bounds);
[[nodiscard]] std::unique_ptr<BodyWriter> make_remote_write_2_writer(const BatchBounds& bounds);
[[nodiscard]] std::unique_ptr<BodyWriter> make_otlp_writer(const BatchBounds& bounds);
[[nodiscard]] std::unique_ptr<BodyWriter> make_otlp_json_writer(const BatchBounds& bounds);
[[nodiscard]] std::unique_ptr<BodyWriter> make_telemetry_writer(const BatchBounds& bounds);
[[nodiscard]] std::unique_ptr<BodyWriter> make_telemetry_delimited_writer(const BatchBounds& bounds);

}  // namespace sluice::load
