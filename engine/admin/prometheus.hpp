// GET /metrics: the metrics of the table (metric_table.hpp) in the Prometheus text exposition format, version 0.0.4.
#pragma once

#include <string>
#include <string_view>

#include "engine/admin/engine_view.hpp"

namespace sluice {

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

// Ends with a line feed, as the format demands. Groups that are not present are left out. The admin thread.
[[nodiscard]] std::string render_metrics(const EngineView& view);

}  // namespace sluice
