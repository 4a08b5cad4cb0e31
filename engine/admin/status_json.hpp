// GET /status: the engine as JSON. Figures come from the table (metric_table.hpp); facts that are no figures (states,
// sentences, addresses, the latest sample) are added here.
#pragma once

#include <string>

#include "engine/admin/engine_view.hpp"

namespace sluice {

// The members that TelemetryHub has (state, latest_sample, metrics) come first.
// One line without a line feed. The admin thread, after a collect() that succeeded.
[[nodiscard]] std::string render_status(const EngineView& view);

}  // namespace sluice
