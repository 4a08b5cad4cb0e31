#include "tools/load/plan/endpoint_rows.hpp"

#include <algorithm>

namespace sluice::load {

EndpointRows endpoint_rows_of(const RunPlan& plan) {
    EndpointRows rows;
    for (const Endpoint& endpoint : plan.endpoints) {
        const std::string name = endpoint.name.empty() ? endpoint.method + " " + endpoint.path : endpoint.name;
        const auto known = std::ranges::find(rows.names, name);
        rows.row_by_endpoint.push_back(static_cast<std::uint16_t>(known - rows.names.begin()));
        if (known == rows.names.end()) rows.names.push_back(name);
    }
    const bool has_name = std::ranges::any_of(plan.endpoints, [](const Endpoint& one) { return !one.name.empty(); });
    return has_name || rows.names.size() > 1 ? rows : EndpointRows{};
}

}  // namespace sluice::load
