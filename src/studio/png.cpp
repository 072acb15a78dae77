#include <png.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "studio/drawing.h"

namespace testudo::studio {
namespace {

// Anti-aliasing by distance: a pixel is covered as far as its centre lies within half a width of a segment.
// One shape's segments join by the largest coverage, so joints do not darken.
class Raster {
  public:
    Raster(int width, int height, int scale)
        : width_(width * scale),
          height_(height * scale),
          scale_(scale),
          pixels_(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_) * 3, 255),
          coverage_(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_), 0.0f) {}

    void draw(const Polyline& line) {
        if (line.dashes.empty())
            stroke(line.points, line.width);
        else
            for (const auto& dash : cut(line.points, line.dashes)) stroke(dash, line.width);
        blend(line.colour);
    }

    void draw(const Dot& dot) {
        segment(dot.centre, dot.centre, 2 * dot.radius);
        blend(dot.colour);
    }

    void draw(const Label& label) {
        const TextStrokes text = text_strokes(label.text, label.size);
        const double shift = label.anchor == Anchor::start    ? 0
                             : label.anchor == Anchor::middle ? -text.width / 2
                                                              : -text.width;
        for (auto points : text.strokes) {
            for (auto& point : points) {
                const Point moved{point.x + shift, point.y};
                point = label.upwards ? Point{label.at.x + moved.y, label.at.y - moved.x}
                                      : Point{label.at.x + moved.x, label.at.y + moved.y};
            }
            stroke(points, label.size * (label.bold ? 0.15 : 0.095));
        }
        blend(label.colour);
    }

    int width() const { return width_; }
    int height() const { return height_; }
    const std::uint8_t* row(int y) const {
        return pixels_.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) * 3;
    }

  private:
    void stroke(const std::vector<Point>& points, double width) {
        if (points.size() == 1) segment(points[0], points[0], width);
        for (std::size_t i = 1; i < points.size(); ++i) segment(points[i - 1], points[i], width);
    }

    void segment(Point a, Point b, double width) {
        a = {a.x * scale_, a.y * scale_};
        b = {b.x * scale_, b.y * scale_};
        const double half = width * scale_ / 2, reach = half + 1;
        const int left = bound(std::min(a.x, b.x) - reach, width_),
                  right = bound(std::max(a.x, b.x) + reach + 1, width_);
        const int top = bound(std::min(a.y, b.y) - reach, height_),
                  bottom = bound(std::max(a.y, b.y) + reach + 1, height_);
        const double dx = b.x - a.x, dy = b.y - a.y, squared = dx * dx + dy * dy;
        for (int y = top; y < bottom; ++y)
            for (int x = left; x < right; ++x) {
                const double px = x + 0.5 - a.x, py = y + 0.5 - a.y;
                const double t = squared > 0 ? std::clamp((px * dx + py * dy) / squared, 0.0, 1.0) : 0;
                const double distance = std::hypot(px - t * dx, py - t * dy);
                const auto covered = static_cast<float>(std::clamp(half + 0.5 - distance, 0.0, 1.0));
                float& old = coverage_[at(x, y)];
                old = std::max(old, covered);
            }
        left_ = std::min(left_, left), right_ = std::max(right_, right);
        top_ = std::min(top_, top), bottom_ = std::max(bottom_, bottom);
    }

    void blend(const Colour& colour) {
        for (int y = top_; y < bottom_; ++y)
            for (int x = left_; x < right_; ++x) {
                float& covered = coverage_[at(x, y)];
                if (covered > 0)
                    for (std::size_t c = 0; c < 3; ++c) {
                        std::uint8_t& pixel = pixels_[at(x, y) * 3 + c];
                        pixel =
                            static_cast<std::uint8_t>(std::lround(static_cast<float>(pixel) * (1 - covered) +
                                                                  static_cast<float>(colour[c]) * covered));
                    }
                covered = 0;
            }
        left_ = width_, top_ = height_, right_ = bottom_ = 0;
    }

    static std::vector<std::vector<Point>> cut(const std::vector<Point>& points,
                                               const std::vector<double>& dashes) {
        std::vector<std::vector<Point>> out;
        std::size_t index = 0;
        double left = dashes[0];
        bool on = true;
        std::vector<Point> dash;
        if (!points.empty()) dash.push_back(points[0]);
        for (std::size_t i = 1; i < points.size(); ++i) {
            Point from = points[i - 1];
            const Point to = points[i];
            double length = std::hypot(to.x - from.x, to.y - from.y);
            while (length > left) {
                from = {from.x + (to.x - from.x) * left / length, from.y + (to.y - from.y) * left / length};
                length -= left;
                if (on) {
                    dash.push_back(from);
                    out.push_back(std::move(dash));
                }
                dash = {from};
                on = !on;
                index = (index + 1) % dashes.size();
                left = std::max(dashes[index], 0.1);
            }
            left -= length;
            dash.push_back(to);
        }
        if (on && !dash.empty()) out.push_back(std::move(dash));
        return out;
    }

    static int bound(double value, int limit) {
        return static_cast<int>(std::clamp(std::floor(value), 0.0, static_cast<double>(limit)));
    }
    std::size_t at(int x, int y) const {
        return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x);
    }

    int width_, height_;
    double scale_;
    std::vector<std::uint8_t> pixels_;
    std::vector<float> coverage_;
    int left_ = width_, top_ = height_, right_ = 0, bottom_ = 0;
};

}  // namespace

void write_png(const Drawing& drawing, const fs::path& file, int scale) {
    if (drawing.width < 1 || drawing.height < 1 || drawing.width > 10000 || drawing.height > 10000 ||
        scale < 1 || scale > 8)
        throw usage_error("a picture must be 1 to 10000 pixels wide and high, at a scale from 1 to 8",
                          "Choose another size.");
    Raster raster(drawing.width, drawing.height, scale);
    for (const auto& shape : drawing.shapes) std::visit([&](const auto& item) { raster.draw(item); }, shape);
    std::vector<std::uint8_t> rows;
    for (int y = 0; y < raster.height(); ++y)
        rows.insert(rows.end(), raster.row(y), raster.row(y) + 3 * raster.width());
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(raster.width());
    image.height = static_cast<png_uint_32>(raster.height());
    image.format = PNG_FORMAT_RGB;
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    std::string bytes(size, '\0');
    if (!png_image_write_to_memory(&image, bytes.data(), &size, 0, rows.data(), 0, nullptr))
        throw environment_error(cat("cannot encode ", file, ": ", image.message), "Free some memory.");
    write_file(file, std::string_view(bytes).substr(0, size));
}

}  // namespace testudo::studio
