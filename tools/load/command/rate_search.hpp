// RateSearch: finds the highest rate that holds, by doubling, then bisection, then confirmation. A state machine
// without clock and I/O: its caller tries the rates.
#pragma once

#include <functional>

namespace sluice::load {

struct RateSearchBounds {
    double first = 1000, max = 1e7;  // requests/s
    double least = 1;  // where the search gives up, if not before: first / 1024
    double precision = 0.05;  // ends when the bracket is this narrow, as a share of its lower end
    int confirmations_count = 2;  // runs that the answer must hold besides the first
};

// The highest rate found that holds each time it is tried; 0 if none does. `holds` runs the load; false also ends a
// confirmation, after which the rate counts as too high and the search goes on below it.
// One call after the other; each may take as long as a run with its repetitions.
[[nodiscard]] double find_highest_rate(const RateSearchBounds& bounds, const std::function<bool(double)>& holds);

}  // namespace sluice::load
