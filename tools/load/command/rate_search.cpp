#include "tools/load/command/rate_search.hpp"

#include <algorithm>

namespace sluice::load {
namespace {

// At this share of the first rate the search gives up: 10 halvings.
constexpr double least_share = 1.0 / 1024;

// Never above the first rate or the maximum, which may both be below `least`.
double least_rate(const RateSearchBounds& bounds) {
    return std::min({bounds.first, bounds.max, std::max(bounds.least, bounds.first * least_share)});
}

struct Bracket {
    double holds = 0;   // 0: none is known
    double breaks = 0;  // 0: none is known
};

// Doubles or halves until one rate holds and one does not.
Bracket find_bracket(const RateSearchBounds& bounds, const std::function<bool(double)>& holds) {
    Bracket bracket;
    double rate = std::min(bounds.first, bounds.max);
    // Ends: the rate reaches `max` or the least rate, or both ends of the bracket are known.
    while (true) {
        if (holds(rate)) {
            bracket.holds = rate;
            if (bracket.breaks != 0 || rate >= bounds.max) return bracket;
            rate = std::min(rate * 2, bounds.max);
        } else {
            bracket.breaks = rate;
            if (bracket.holds != 0 || rate <= least_rate(bounds)) return bracket;
            rate = std::max(rate / 2, least_rate(bounds));
        }
    }
}

// Halves the bracket. The limit is then at most `precision` above what holds.
void narrow(Bracket& bracket, double precision, const std::function<bool(double)>& holds) {
    while (bracket.holds != 0 && bracket.breaks != 0 && bracket.breaks - bracket.holds > precision * bracket.holds) {
        const double middle = (bracket.holds + bracket.breaks) / 2;
        (holds(middle) ? bracket.holds : bracket.breaks) = middle;
    }
}

// Ends with the first run that does not hold; the others would cost time and change nothing.
bool is_confirmed(double rate, int count, const std::function<bool(double)>& holds) {
    for (int i = 0; i < count; ++i)
        if (!holds(rate)) return false;
    return true;
}

}  // namespace

double find_highest_rate(const RateSearchBounds& bounds, const std::function<bool(double)>& holds) {
    Bracket bracket = find_bracket(bounds, holds);
    narrow(bracket, bounds.precision, holds);
    // A rate that held once and not again held by chance: 5 % less is tried, down to the least rate.
    while (bracket.holds >= least_rate(bounds)) {
        if (is_confirmed(bracket.holds, bounds.confirmations_count, holds)) return bracket.holds;
        bracket.holds *= 1 - bounds.precision;
    }
    return 0;
}

}  // namespace sluice::load
