// EndpointRows: which endpoints of a plan have figures of their own. A value, made before the run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/load/plan/run_plan.hpp"

namespace sluice::load {

struct EndpointRows {
    std::vector<std::string> names;              // of each row; none: the endpoints are not told apart
    std::vector<std::uint16_t> row_by_endpoint;  // as many as the plan has endpoints, unless there are no names
};

// Endpoints of one name share a row. One without a name is called by method and path. A plan whose endpoints have no
// name and are all called alike has no rows: its totals say the same.
[[nodiscard]] EndpointRows endpoint_rows_of(const RunPlan& plan);

}  // namespace sluice::load
