#pragma once
// A picture as a list of shapes in pixels (origin at the top left), written as SVG text or rasterised to PNG.
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace testudo::studio {

using Colour = std::array<std::uint8_t, 3>;

struct Point {
    double x = 0, y = 0;
};
struct Polyline {
    std::vector<Point> points;
    Colour colour{};
    double width = 1;
    std::vector<double> dashes = {};  // lengths on, off, on, …; empty: solid
};
struct Dot {
    Point centre;
    double radius = 3;
    Colour colour{};
};
enum class Anchor { start, middle, end };
struct Label {
    Point at;  // of the baseline
    std::string text;
    double size = 13;
    Anchor anchor = Anchor::start;
    Colour colour{};
    bool upwards = false;  // turned a quarter to the left
    bool bold = false;
};
using Shape = std::variant<Polyline, Dot, Label>;

struct Drawing {
    int width = 0, height = 0;
    std::vector<Shape> shapes;
};

std::string escape_xml(const std::string& text);  // also replaces what XML forbids
std::string to_svg(const Drawing& drawing, const std::string& title, const std::string& description);
// White background. Error(environment) when the file cannot be written.
void write_png(const Drawing& drawing, const std::filesystem::path& file, int scale);

// The strokes of a text as polylines around the origin, in units of `size` pixels: for rasterising without a
// font file.
struct TextStrokes {
    std::vector<std::vector<Point>> strokes;
    double width = 0;
};
TextStrokes text_strokes(const std::string& text, double size);

}  // namespace testudo::studio
