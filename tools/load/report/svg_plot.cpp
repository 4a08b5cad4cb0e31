#include "tools/load/report/svg_plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "tools/load/report/html_text.hpp"

namespace sluice::load {
namespace {

// In the SVG's own units; the browser scales the whole to the width of the page, text included. On narrow pages text is
// larger, and where it would still be too small to read, the plot is wider than the page and scrolls.
constexpr double width = 720, height = 306;
constexpr double left = 76, right = 20, top = 12, bottom = 54;
constexpr double plot_width = width - left - right, plot_height = height - top - bottom;
constexpr int x_ticks_max = 9, y_ticks_max = 8;

struct Range {
    double low = std::numeric_limits<double>::infinity();
    double high = -std::numeric_limits<double>::infinity();

    void include(double value, Scale scale) {
        if (!std::isfinite(value) || (scale == Scale::log10 && value <= 0)) return;
        low = std::min(low, value);
        high = std::max(high, value);
    }
    [[nodiscard]] bool is_empty() const { return low > high; }
};

class Canvas {
  public:
    Canvas(const Plot& plot, const Range& x, const Range& y)
        : plot_(plot),
          x_(plot.x.scale, plot.x.quantity, plot.x.low.value_or(x.low), plot.x.high.value_or(x.high), x_ticks_max),
          y_(plot.y.scale, plot.y.quantity, plot.y.low.value_or(plot.y.scale == Scale::linear ? 0 : y.low),
             plot.y.high.value_or(y.high), y_ticks_max) {}

    std::string draw() {
        add(R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{}">)", width, height, escaped_html(plot_.title));
        draw_bands();
        draw_grid();
        for (std::size_t i = 0; i < plot_.series.size(); ++i) draw_line(plot_.series[i], i % series_max);
        out_ += "</svg>";
        return std::move(out_);
    }

  private:
    template <typename... Arguments>
    void add(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        fmt::format_to(std::back_inserter(out_), format, std::forward<Arguments>(arguments)...);
    }
    [[nodiscard]] double x_of(double value) const { return left + plot_width * x_.position_of(value); }
    [[nodiscard]] double y_of(double value) const { return top + plot_height * (1 - y_.position_of(value)); }

    void draw_bands() {
        for (const Band& band : plot_.bands) {
            const double begin = x_of(band.begin_x);
            add(R"(<rect class="band" x="{:.1f}" y="{}" width="{:.1f}" height="{}"><title>{}</title></rect>)", begin,
                top, x_of(band.end_x) - begin, plot_height, escaped_html(band.name));
        }
    }

    void draw_grid() {
        for (const Tick& tick : y_.ticks()) {
            const double y = top + plot_height * (1 - tick.position);
            add(R"(<path class="{}" d="M{} {:.1f}h{}"/>)", tick.text.empty() ? "minor" : "grid", left, y, plot_width);
            if (!tick.text.empty()) add(R"(<text class="y" x="{}" y="{:.1f}">{}</text>)", left - 6, y + 4, tick.text);
        }
        for (const Tick& tick : x_.ticks()) {
            const double x = left + plot_width * tick.position;
            add(R"(<path class="{}" d="M{:.1f} {}v{}"/>)", tick.text.empty() ? "minor" : "grid", x, top, plot_height);
            if (!tick.text.empty()) add(R"(<text x="{:.1f}" y="{}">{}</text>)", x, height - bottom + 24, tick.text);
        }
        add(R"(<path class="axis" d="M{} {}v{}h{}"/>)", left, top, plot_height, plot_width);
        add(R"(<text class="label" x="{}" y="{}">{}</text>)", left + plot_width / 2, height - 8,
            escaped_html(plot_.x.label));
    }

    void draw_line(const Series& series, std::size_t colour) {
        add(R"(<path class="line s{}" d=")", colour);
        bool is_drawing = false;
        double previous_y = 0;
        for (const PlotPoint& point : series.points) {
            // What an axis cannot show leaves a gap in the line instead of a wrong value.
            if (!std::isfinite(point.y) || (plot_.y.scale == Scale::log10 && point.y <= 0)) {
                is_drawing = false;
                continue;
            }
            const double x = x_of(point.x);
            const double y = y_of(point.y);
            if (is_drawing && series.shape == LineShape::steps) add("L{:.1f} {:.1f}", x, previous_y);
            add("{}{:.1f} {:.1f}", is_drawing ? 'L' : 'M', x, y);
            if (!is_drawing) add("h0.01");  // a lone point still shows
            is_drawing = true;
            previous_y = y;
        }
        add(R"("><title>{}</title></path>)", escaped_html(series.name));
    }

    const Plot& plot_;
    PlotAxis x_, y_;
    std::string out_;
};

void add_legend(std::string& out, const Plot& plot) {
    auto inserter = std::back_inserter(out);
    out += R"(<ul class="legend">)";
    for (std::size_t i = 0; i < plot.series.size(); ++i) {
        fmt::format_to(
            inserter,
            R"(<li><svg viewBox="0 0 28 8" aria-hidden="true"><path class="line s{}" d="M1 4h26"/></svg>{}</li>)",
            i % series_max, escaped_html(plot.series[i].name));
    }
    for (const Band& band : plot.bands) {
        fmt::format_to(
            inserter,
            R"(<li><svg viewBox="0 0 28 8" aria-hidden="true"><path class="band" d="M1 0h26v8h-26z"/></svg>{}</li>)",
            escaped_html(band.name));
    }
    out += "</ul>";
}

}  // namespace

std::string render_plot(const Plot& plot) {
    Range x;
    Range y;
    for (const Series& series : plot.series) {
        for (const PlotPoint& point : series.points) {
            x.include(point.x, plot.x.scale);
            y.include(point.y, plot.y.scale);
        }
    }
    std::string out = fmt::format(R"(<figure class="plot"><figcaption><h2>{}</h2>)", escaped_html(plot.title));
    if (!plot.description.empty()) fmt::format_to(std::back_inserter(out), "<p>{}</p>", escaped_html(plot.description));
    out += "</figcaption>";
    if (x.is_empty() || y.is_empty()) return out + "<p>Nothing was measured.</p></figure>\n";
    add_legend(out, plot);
    fmt::format_to(std::back_inserter(out), R"(<p class="unit">{}</p>)", escaped_html(plot.y.label));
    out += R"(<div class="canvas">)" + Canvas(plot, x, y).draw();
    return out + "</div></figure>\n";
}

std::string_view plot_style() {
    // Okabe and Ito's colours (2008), which the colour-blind can tell apart; darker or lighter where the ground asks
    // for it.
    return R"(
:root{--s0:#0060a8;--s1:#c04a00;--s2:#007a5a;--s3:#a0407e;--s4:#7a6000;--s5:#2a86c0;--s6:#555;--s7:#8a1c1c;
 --grid:#d8dce0;--minor:#eceff1;--axis:#5b6570;--band:#0060a81a}
@media (prefers-color-scheme:dark){@media screen{:root{--s0:#5db4f5;--s1:#f59a4c;--s2:#35c79a;--s3:#e08fc4;--s4:#e8d44d;
 --s5:#a5d8ff;--s6:#b0b0b0;--s7:#ff8a80;--grid:#343b43;--minor:#262c32;--axis:#8b96a1;--band:#5db4f52b}}}
.plot{break-inside:avoid}
.plot .canvas{overflow-x:auto}
.plot svg{display:block;width:100%;height:auto}
.plot .canvas svg{min-width:30rem}
.plot svg text{font-size:12px;fill:currentColor;text-anchor:middle}
.plot svg text.y{text-anchor:end}
@media screen and (max-width:45rem){.plot svg text{font-size:16px}}
.plot .unit{font-size:.8rem;margin:.2rem 0}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;list-style:none;margin:.4rem 0;padding:0;font-size:.85rem}
.plot .legend svg{display:inline-block;width:28px;height:8px;margin-right:.4rem}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.grid{stroke:var(--grid)}.minor{stroke:var(--minor)}.axis{fill:none;stroke:var(--axis)}.band{fill:var(--band)}
.s0{stroke:var(--s0)}.s1{stroke:var(--s1);stroke-dasharray:8 3}.s2{stroke:var(--s2);stroke-dasharray:2 3}
.s3{stroke:var(--s3);stroke-dasharray:10 3 2 3}.s4{stroke:var(--s4);stroke-dasharray:5 5}.s5{stroke:var(--s5);stroke-dasharray:12 4}
.s6{stroke:var(--s6);stroke-dasharray:1 4}.s7{stroke:var(--s7);stroke-dasharray:6 2 2 2 2 2}
)";
}

}  // namespace sluice::load
