// For the fuzz target of OtlpDecoder: what a request that libprotobuf has read becomes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "otlp.pb.h"
#include "tests/fuzz/protobuf_oracle.hpp"

namespace sluice::tests {

// The canonical record of each data point, in their order. Texts may be no UTF-8.
[[nodiscard]] std::vector<Json> records_of(const otlp::ExportMetricsServiceRequest& request, std::int64_t arrival_ns);

// The request as OTLP has it in JSON; integers of 64 bits as numbers or as strings. Nothing: a text is no UTF-8.
[[nodiscard]] std::optional<std::string> otlp_json_of(const otlp::ExportMetricsServiceRequest& request,
                                                      bool has_long_numbers);

}  // namespace sluice::tests
