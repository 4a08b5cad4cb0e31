// Where a value stands on an axis, and where an axis has ticks. Positions are 0 (start) to 1 (end) of the axis. Pure
// functions; an axis is a value, for any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::load {

enum class Scale : std::uint8_t {
    linear,
    log10,       // positive values; what is smaller stands at the start
    percentile,  // values are percentiles, 0 to 100: position log10(1/(1-p)), so that each nine takes the same room
};

// How tick values are written; see quantity.hpp.
enum class Quantity : std::uint8_t { count, whole, ns, seconds, share };  // whole: a count with no tick between 0 and 1
[[nodiscard]] std::string text_of(double value, Quantity quantity);

struct Tick {
    double position = 0;
    std::string text;  // empty: a minor tick, a grid line without a label
};

class PlotAxis {
  public:
    // An axis that holds `low` to `high`; the ends move outwards to round values on a linear axis from 0 and on a
    // logarithmic one. low >= high is widened.
    PlotAxis(Scale scale, Quantity quantity, double low, double high, int ticks_max);

    [[nodiscard]] double position_of(double value) const;
    [[nodiscard]] const std::vector<Tick>& ticks() const { return ticks_; }

  private:
    [[nodiscard]] double scaled(double value) const;
    void add_linear_ticks(double high, int ticks_max);
    void add_log_ticks(int ticks_max);
    void add_percentile_ticks(int ticks_max);

    Scale scale_;
    Quantity quantity_;
    double begin_ = 0, end_ = 1;  // scaled
    std::vector<Tick> ticks_;
};

}  // namespace sluice::load
