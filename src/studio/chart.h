#pragma once
// Line charts from one list of drawing steps: written as SVG text and as PNG pixels, so that both look alike.
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace testudo::studio {

namespace fs = std::filesystem;

struct Series {
    std::string name;                               // shown in the legend
    std::vector<std::pair<double, double>> points;  // x ascending; values that are not finite break the line
    bool markers = false;                           // a dot at each point, for few values
};
struct Chart {
    std::string title, x_label, y_label;
    std::vector<Series>
        series;  // coloured in the order of Okabe and Ito's colour-blind-safe set, and dashed differently
    bool logarithmic = false;  // y axis; values <= 0 are left out
    int width = 880, height = 420;
};

// A self-contained <svg> with role, title and description for screen readers.
std::string chart_svg(const Chart& chart);
void write_chart_svg(const Chart& chart, const fs::path& file);
void write_chart_png(const Chart& chart, const fs::path& file, int scale = 2);

}  // namespace testudo::studio
