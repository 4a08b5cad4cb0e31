// Stages: a level (a rate, a number of users) that changes along straight lines, as the ramping executors of k6 do. A
// value: all threads may read it.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "tools/load/plan/units.hpp"

namespace sluice::load {

struct Stage {
    double seconds;  // how long it takes
    double level;    // which it ends at
};

class Stages {
  public:
    Stages() = default;
    // One level from begin to end.
    [[nodiscard]] static Stages constant(double level, double seconds) { return Stages(level, {{seconds, level}}); }
    // From `level` at 0 through `stages`, one after the other.
    Stages(double level, std::vector<Stage> stages);

    [[nodiscard]] double seconds() const { return seconds_; }
    [[nodiscard]] double level_at(double second) const;  // 0 after the end
    [[nodiscard]] double level_max() const;
    [[nodiscard]] double first_level() const { return first_level_; }
    // When the integral of the level, which is how many requests fell due, reaches `area`; negative if it never does.
    [[nodiscard]] double second_of_area(double area) const;
    // All times divided by `scale`.
    [[nodiscard]] Stages sped_up(double scale) const;

  private:
    struct Piece {
        double begin, seconds, level, slope, area_before;
    };
    [[nodiscard]] const Piece* piece_at(double second) const;

    double first_level_ = 0, seconds_ = 0, area_ = 0;
    std::vector<Stage> stages_;
    std::vector<Piece> pieces_;
};

// `30s@5k,1m@50k,10s@0`. A stage begins where the one before ended, the first at 0.
[[nodiscard]] std::expected<Stages, PlanError> parse_rate_stages(std::string_view text);
// `10s@50,20s@100`.
[[nodiscard]] std::expected<Stages, PlanError> parse_user_stages(std::string_view text);

}  // namespace sluice::load
