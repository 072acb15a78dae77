#include "studio/chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "studio/drawing.h"

namespace testudo::studio {
namespace {

// Okabe and Ito's set without yellow, which is too pale for lines on white.
constexpr Colour palette[] = {{0, 114, 178}, {213, 94, 0},   {0, 158, 115}, {204, 121, 167},
                              {230, 159, 0}, {86, 180, 233}, {0, 0, 0}};
const std::vector<double> dash_styles[] = {{}, {7, 3}, {2, 3}, {9, 3, 2, 3}};
constexpr Colour ink{34, 34, 34}, faint{221, 221, 221}, axis{120, 120, 120};

std::string tick_text(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", std::abs(value) < 1e-300 ? 0.0 : value);
    return text;
}

struct Axis {
    double low = 0, high = 1;  // of the values, or of their logarithms
    double from = 0, to = 1;   // pixels
    bool logarithmic = false;
    std::vector<double> ticks;  // values

    double place(double value) const {
        const double v = logarithmic ? std::log10(value) : value;
        return from + (v - low) / (high - low) * (to - from);
    }
};

// Steps of 1, 2 or 5 times a power of ten; the range grows to whole steps.
void linear_ticks(Axis& scale, int wanted, bool grow) {
    const double span = scale.high - scale.low;
    const double rough = span / wanted, power = std::pow(10, std::floor(std::log10(rough)));
    const double step = power * (rough / power > 5 ? 10 : rough / power > 2 ? 5 : rough / power > 1 ? 2 : 1);
    if (grow) {
        scale.low = std::floor(scale.low / step + 1e-9) * step;
        scale.high = std::ceil(scale.high / step - 1e-9) * step;
    }
    for (double i = std::ceil(scale.low / step - 1e-9); i * step <= scale.high + step * 1e-6; ++i)
        scale.ticks.push_back(i * step);
}

void logarithmic_ticks(Axis& scale) {
    const bool few = scale.high - scale.low < 1.6;
    for (double power = std::floor(scale.low); power <= std::ceil(scale.high); ++power)
        for (const double digit : {1.0, 2.0, 5.0}) {
            if (digit != 1 && !few) continue;
            const double value = digit * std::pow(10, power);
            if (std::log10(value) >= scale.low - 1e-9 && std::log10(value) <= scale.high + 1e-9)
                scale.ticks.push_back(value);
        }
}

bool usable(const std::pair<double, double>& point, bool logarithmic) {
    return std::isfinite(point.first) && std::isfinite(point.second) && (!logarithmic || point.second > 0);
}

// More points than pixels: each pixel column keeps its lowest and highest, in the order they came.
std::vector<Point> thin(const std::vector<Point>& points, double pixels) {
    if (static_cast<double>(points.size()) <= 4 * pixels) return points;
    std::vector<Point> out;
    for (std::size_t i = 0; i < points.size();) {
        std::size_t low = i, high = i, end = i;
        while (end < points.size() && std::floor(points[end].x) == std::floor(points[i].x)) {
            if (points[end].y < points[low].y) low = end;
            if (points[end].y > points[high].y) high = end;
            ++end;
        }
        out.push_back(points[std::min(low, high)]);
        if (low != high) out.push_back(points[std::max(low, high)]);
        i = end;
    }
    return out;
}

constexpr double left = 76, right = 24, legend_row = 20;

// Where the legend's entries begin: in rows above the plot.
std::vector<Point> place_legend(const Chart& chart) {
    std::vector<Point> places;
    Point at{left, 50};
    for (const auto& series : chart.series) {
        const double wide = 34 + text_strokes(series.name, 13).width + 22;
        if (at.x > left && at.x + wide > chart.width - right) at = {left, at.y + legend_row};
        places.push_back(at);
        at.x += wide;
    }
    return places;
}

std::pair<Axis, Axis> make_axes(const Chart& chart, double top) {
    constexpr double none = std::numeric_limits<double>::infinity();
    Axis x{none, -none, left, chart.width - right, false, {}};
    Axis y{none, -none, chart.height - 58.0, top, chart.logarithmic, {}};
    for (const auto& series : chart.series)
        for (const auto& point : series.points) {
            if (!usable(point, chart.logarithmic)) continue;
            const double value = chart.logarithmic ? std::log10(point.second) : point.second;
            x.low = std::min(x.low, point.first), x.high = std::max(x.high, point.first);
            y.low = std::min(y.low, value), y.high = std::max(y.high, value);
        }
    for (Axis* scale : {&x, &y}) {
        if (!(scale->low <= scale->high)) scale->low = 0, scale->high = 1;
        if (const double wide = std::max({std::abs(scale->low), std::abs(scale->high), 1e-12});
            scale->high - scale->low < 1e-9 * wide) {
            const double room = scale->logarithmic ? 0.3 : std::max(0.05 * wide, 1e-12);
            scale->low -= room, scale->high += room;
        }
    }
    linear_ticks(x, std::max(2, chart.width / 110), false);
    if (!chart.logarithmic) {
        const double room = (y.high - y.low) * 0.04;
        const bool positive = y.low >= 0;
        y.low -= room, y.high += room;
        if (positive) y.low = std::max(y.low, 0.0);
        linear_ticks(y, std::max(2, chart.height / 70), true);
    } else {
        y.low -= 0.05, y.high += 0.05;
        logarithmic_ticks(y);
    }
    return {x, y};
}

void draw_axes(Drawing& out, const Chart& chart, const Axis& x, const Axis& y) {
    for (const double tick : y.ticks) {
        const double at = y.place(tick);
        out.shapes.emplace_back(Polyline{{{x.from, at}, {x.to, at}}, faint, 1});
        out.shapes.emplace_back(Label{{x.from - 8, at + 4}, tick_text(tick), 12, Anchor::end, ink});
    }
    for (const double tick : x.ticks) {
        const double at = x.place(tick);
        out.shapes.emplace_back(Polyline{{{at, y.from}, {at, y.from + 5}}, axis, 1});
        out.shapes.emplace_back(Label{{at, y.from + 19}, tick_text(tick), 12, Anchor::middle, ink});
    }
    out.shapes.emplace_back(Polyline{{{x.from, y.to}, {x.from, y.from}, {x.to, y.from}}, axis, 1.2});
    out.shapes.emplace_back(Label{{x.from, 26}, chart.title, 17, Anchor::start, ink, false, true});
    out.shapes.emplace_back(
        Label{{(x.from + x.to) / 2, chart.height - 14.0}, chart.x_label, 13, Anchor::middle, ink});
    out.shapes.emplace_back(Label{{20, (y.from + y.to) / 2}, chart.y_label, 13, Anchor::middle, ink, true});
}

Drawing draw(const Chart& chart) {
    if (chart.width < 200 || chart.height < 160)
        throw usage_error("a chart must be at least 200 by 160 pixels", "Choose a larger size.");
    const std::vector<Point> legend = place_legend(chart);
    const double bottom = chart.height - 58.0;
    // Rows that would leave no room for the plot are drawn over it.
    const double top = std::min(legend.empty() ? 74 : legend.back().y + 24, bottom - 60);
    const auto [x, y] = make_axes(chart, top);
    Drawing out{chart.width, chart.height, {}};
    draw_axes(out, chart, x, y);
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
        const auto& series = chart.series[i];
        const Colour& colour = palette[i % std::size(palette)];
        const auto& dashes = dash_styles[i % std::size(dash_styles)];
        std::vector<Point> run;
        const auto flush = [&] {
            const auto thinned = thin(run, x.to - x.from);
            if (thinned.size() > 1) out.shapes.emplace_back(Polyline{thinned, colour, 2, dashes});
            if (series.markers || thinned.size() == 1)
                for (const auto& point : thinned) out.shapes.emplace_back(Dot{point, 3.2, colour});
            run.clear();
        };
        for (const auto& point : series.points) {
            if (usable(point, chart.logarithmic))
                run.push_back({x.place(point.first), y.place(point.second)});
            else
                flush();
        }
        flush();
        const Point at = legend[i];
        out.shapes.emplace_back(Polyline{{at, {at.x + 28, at.y}}, colour, 2.5, dashes});
        if (series.markers) out.shapes.emplace_back(Dot{{at.x + 14, at.y}, 3.2, colour});
        out.shapes.emplace_back(Label{{at.x + 34, at.y + 4}, series.name, 13, Anchor::start, ink});
    }
    return out;
}

// What a listener of the page hears instead of the picture.
std::string describe(const Chart& chart) {
    std::string text = cat(chart.y_label, " over ", chart.x_label, ".");
    for (const auto& series : chart.series) {
        const std::pair<double, double>*first = nullptr, *last = nullptr;
        for (const auto& point : series.points)
            if (usable(point, chart.logarithmic)) {
                if (!first) first = &point;
                last = &point;
            }
        if (first)
            text +=
                cat(" ", series.name, ": from ", tick_text(first->second), " at ", tick_text(first->first),
                    " to ", tick_text(last->second), " at ", tick_text(last->first), ".");
    }
    return text;
}

}  // namespace

std::string chart_svg(const Chart& chart) { return to_svg(draw(chart), chart.title, describe(chart)); }
void write_chart_svg(const Chart& chart, const fs::path& file) { write_file(file, chart_svg(chart)); }
void write_chart_png(const Chart& chart, const fs::path& file, int scale) {
    write_png(draw(chart), file, scale);
}

}  // namespace testudo::studio
