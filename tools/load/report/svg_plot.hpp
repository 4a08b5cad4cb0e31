// A plot of named lines as HTML: a figure with caption, legend and an inline SVG that needs neither script nor network.
// Nothing here knows of runs: the report of one run and the comparison of several draw with it.
//
// Colours come from the page (plot_style), which adapts them to dark screens and to paper; lines also differ in
// their dashes, for who cannot tell the colours apart.
//
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/load/report/plot_axis.hpp"

namespace sluice::load {

struct PlotPoint {
    double x = 0, y = 0;
};

enum class LineShape : std::uint8_t {
    straight,  // from point to point
    steps,  // a value holds from its point to the next, as percentiles of a histogram do
};

struct Series {
    std::string name;
    std::vector<PlotPoint> points;  // x ascending
    LineShape shape = LineShape::straight;
};

// A span of x with a meaning of its own, shaded and named: a warm-up.
struct Band {
    std::string name;
    double begin_x = 0, end_x = 0;
};

struct AxisOptions {
    std::string label;
    Scale scale = Scale::linear;
    Quantity quantity = Quantity::count;
    std::optional<double> low, high;  // else those of the points; a linear y axis starts at 0
};

struct Plot {
    std::string title;
    std::string description;  // a sentence below the title: how to read it
    AxisOptions x, y;
    std::vector<Series> series;  // at most series_max have colours of their own; further ones reuse them
    std::vector<Band> bands;
};

inline constexpr std::size_t series_max = 8;

// <figure class="plot">…</figure>. All text is escaped here. Without any point: a figure that says so.
[[nodiscard]] std::string render_plot(const Plot& plot);

// CSS for render_plot's figures, light and dark, screen and paper. A page includes it once.
[[nodiscard]] std::string_view plot_style();

}  // namespace sluice::load
