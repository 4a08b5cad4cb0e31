#include "tools/load/report/plot_axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tools/load/report/quantity.hpp"

namespace sluice::load {
namespace {

// The smallest of 1, 2 and 5 times a power of ten that is at least `minimum`; hours and minutes for time.
double round_step(double minimum, Quantity quantity) {
    if (quantity == Quantity::seconds && minimum > 10) {
        constexpr std::array<double, 14> steps{15,  20,   30,   60,   120,   300,   600,
                                               900, 1800, 3600, 7200, 14400, 21600, 43200};
        const auto* step = std::ranges::lower_bound(steps, minimum);
        if (step != steps.end()) return *step;
        return 86400 * std::ceil(minimum / 86400);
    }
    if (quantity == Quantity::whole) minimum = std::max(minimum, 1.0);
    const double power = std::pow(10, std::floor(std::log10(minimum)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= minimum * (1 - 1e-9)) return factor * power;
    }
    return 10 * power;
}

// 99.9 for three nines.
std::string text_of_nines(int nines) {
    if (nines <= 2) return nines == 0 ? "0 %" : nines == 1 ? "90 %" : "99 %";
    return fmt::format("99.{} %", std::string(static_cast<std::size_t>(nines) - 2, '9'));
}

}  // namespace

std::string text_of(double value, Quantity quantity) {
    switch (quantity) {
        case Quantity::count:
        case Quantity::whole: return text_of_count(value);
        case Quantity::ns: return text_of_ns(value);
        case Quantity::seconds: return text_of_seconds(value);
        case Quantity::share: return text_of_share(value);
    }
    return {};
}

PlotAxis::PlotAxis(Scale scale, Quantity quantity, double low, double high, int ticks_max)
    : scale_(scale), quantity_(quantity) {
    if (scale_ == Scale::linear) {
        begin_ = low;
        end_ = high > low ? high : low + 1;
        add_linear_ticks(high, ticks_max);
        return;
    }
    if (scale_ == Scale::log10) {
        low = std::max(low, 1e-12);
        high = std::max(high, low);
        // Down and up to 1, 2 or 5 times a power of ten.
        const auto floor_of = [](double value) {
            const double power = std::pow(10, std::floor(std::log10(value)));
            return value >= 5 * power ? 5 * power : value >= 2 * power ? 2 * power : power;
        };
        begin_ = std::log10(floor_of(low));
        end_ = std::log10(round_step(high, Quantity::count));
        if (end_ - begin_ < 1) {  // less than a decade would make noise look like news
            begin_ = std::floor(begin_);
            end_ = std::max(end_, begin_ + 1);
        }
        add_log_ticks(ticks_max);
        return;
    }
    begin_ = scaled(low);
    end_ = std::max(scaled(high), begin_ + 1);
    add_percentile_ticks(ticks_max);
}

double PlotAxis::scaled(double value) const {
    switch (scale_) {
        case Scale::linear: return value;
        case Scale::log10: return value > 0 ? std::log10(value) : begin_;
        case Scale::percentile: return -std::log10(std::max(1 - value / 100, 1e-12));
    }
    return value;
}

double PlotAxis::position_of(double value) const {
    return std::clamp((scaled(value) - begin_) / (end_ - begin_), 0.0, 1.0);
}

void PlotAxis::add_linear_ticks(double high, int ticks_max) {
    const double step = round_step((end_ - begin_) / ticks_max, quantity_);
    // Values from 0 end on a tick above the highest one; time ends where the run does.
    constexpr double room = 1.02;
    if (begin_ == 0 && quantity_ != Quantity::seconds && high > 0) end_ = step * std::ceil(end_ * room / step);
    const auto first = static_cast<std::int64_t>(std::ceil(begin_ / step - 1e-9));
    const auto last = static_cast<std::int64_t>(std::floor(end_ / step + 1e-9));
    for (std::int64_t i = first; i <= last; ++i) {
        const double value = step * static_cast<double>(i);
        ticks_.push_back({position_of(value), text_of(value, quantity_)});
    }
}

void PlotAxis::add_log_ticks(int ticks_max) {
    const double decades = end_ - begin_;
    const bool labels_all = decades * 3 <= ticks_max;
    const int every = std::max(1, static_cast<int>(std::ceil(decades / ticks_max)));
    for (int decade = static_cast<int>(std::floor(begin_)); decade <= static_cast<int>(std::ceil(end_)); ++decade) {
        for (const int factor : {1, 2, 5}) {
            const double value = factor * std::pow(10, decade);
            const double at = std::log10(value);
            if (at < begin_ - 1e-9 || at > end_ + 1e-9) continue;
            const bool is_labelled = labels_all || (factor == 1 && decade % every == 0);
            ticks_.push_back({position_of(value), is_labelled ? text_of(value, quantity_) : std::string()});
        }
    }
}

void PlotAxis::add_percentile_ticks(int ticks_max) {
    const int nines_max = static_cast<int>(std::floor(end_ + 1e-9));
    const int every = std::max(1, (nines_max + ticks_max - 1) / ticks_max);
    for (int nines = static_cast<int>(std::ceil(begin_ - 1e-9)); nines <= nines_max; nines += every) {
        ticks_.push_back({(nines - begin_) / (end_ - begin_), text_of_nines(nines)});
    }
    constexpr double median = 50;
    if (begin_ == 0 && every == 1) ticks_.push_back({position_of(median), "50 %"});
}

}  // namespace sluice::load
