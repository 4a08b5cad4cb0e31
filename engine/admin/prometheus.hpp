// GET /metrics: the metrics of the table (metric_table.hpp) in the Prometheus text exposition format, version 0.0.4.
#pragma once

#include <string>

#include "engine/admin/engine_view.hpp"

namespace sluice {

[[nodiscard]] std::string render_metrics(const EngineView& view);

}  // namespace sluice
