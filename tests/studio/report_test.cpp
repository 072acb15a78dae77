#include "studio/report.h"

#include <gtest/gtest.h>
#include <png.h>

#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "studio/drawing.h"
#include "studio/training_charts.h"
#include "support/golden.h"
#include "training/read_metrics.h"

namespace testudo::studio {
namespace {

std::vector<Json> training_events() {
    std::vector<Json> events;
    for (int it = 1; it <= 200; ++it) {
        const double mel = 4 + 5 * std::exp(-it / 40.0) + 0.2 * std::sin(it * 1.7);
        events.push_back({{"type", "metric"},
                          {"mode", "training"},
                          {"it", it},
                          {"loss_mel_ce", mel},
                          {"loss_text_ce", 3 + 2 * std::exp(-it / 60.0)},
                          {"loss_gpt_total", mel + 0.03},
                          {"lr", it < 100 ? 1e-4 : 5e-5}});
        if (it % 25 == 0)
            events.push_back({{"type", "metric"},
                              {"mode", "validation"},
                              {"it", it},
                              {"loss_mel_ce", mel + 0.4},
                              {"loss_text_ce", 3.2},
                              {"loss_gpt_total", mel + 0.43}});
        events.push_back({{"type", "progress"}, {"stage", "train"}});
    }
    return events;
}

std::vector<Run> one_run() { return {{"ada", training::metrics_of_events(training_events())}}; }

struct Picture {
    unsigned width = 0, height = 0;
    std::vector<unsigned char> pixels;  // RGB
    int dark() const {
        int count = 0;
        for (std::size_t i = 0; i < pixels.size(); i += 3) count += pixels[i] < 200 || pixels[i + 2] < 200;
        return count;
    }
};
Picture read_png(const fs::path& file) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    Picture out;
    if (!png_image_begin_read_from_file(&image, file.c_str())) return out;
    image.format = PNG_FORMAT_RGB;
    out.width = image.width, out.height = image.height;
    out.pixels.resize(PNG_IMAGE_SIZE(image));
    png_image_finish_read(&image, nullptr, out.pixels.data(), 0, nullptr);
    return out;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

TEST(Graphs, LossesAndLearningRate) {
    const test::TemporaryFolder folder;
    const auto files = write_graphs(one_run(), folder.path());
    ASSERT_EQ(files.size(), 8u);
    for (const auto& file : files) {
        if (file.extension() == ".svg") {
            const std::string svg = read_file(file);
            EXPECT_NE(svg.find("<title>"), std::string::npos);
            EXPECT_GE(count(svg, "<polyline"), 4u);
            EXPECT_EQ(svg.find("nan"), std::string::npos);
        } else {
            const Picture picture = read_png(file);
            EXPECT_EQ(picture.width, 1760u);
            EXPECT_EQ(picture.height, 840u);
            EXPECT_GT(picture.dark(), 5000);
        }
    }
    const auto charts = training_charts(one_run());
    EXPECT_EQ(charts.front().second.series.size(), 2u);
    EXPECT_EQ(charts.front().second.series[1].points.size(), 8u);
    EXPECT_TRUE(training_charts({}).empty());
    EXPECT_TRUE(training_charts({{"none", {}}}).empty());
}

TEST(Chart, SurvivesOddNumbers) {
    const double nan = std::nan(""), infinite = INFINITY;
    const auto svg = [](std::vector<std::pair<double, double>> points, bool logarithmic = false) {
        Chart chart{"t", "x", "y", {{"s", std::move(points)}}, logarithmic};
        return chart_svg(chart);
    };
    for (const bool logarithmic : {false, true}) {
        EXPECT_EQ(svg({}, logarithmic).find("nan"), std::string::npos);
        EXPECT_EQ(svg({{1, nan}, {2, infinite}}, logarithmic).find("inf"), std::string::npos);
        const std::string one = svg({{1, 5}}, logarithmic);
        EXPECT_EQ(count(one, "<circle"), 1u);
        EXPECT_EQ(one.find("nan"), std::string::npos);
        EXPECT_EQ(svg({{0, 1e300}, {1, -1e300}}, logarithmic).find("nan"), std::string::npos);
        EXPECT_EQ(svg({{0, 1e-300}, {1, 2e-300}}, logarithmic).find("nan"), std::string::npos);
    }
    // A hole in the values is a hole in the line.
    const std::string broken = svg({{0, 1}, {1, 2}, {2, nan}, {3, 2}, {4, 1}});
    EXPECT_EQ(count(broken, "stroke-width=\"2\""), 2u);
    std::vector<std::pair<double, double>> many;
    for (int i = 0; i < 200000; ++i) many.emplace_back(i, std::sin(i * 0.01));
    EXPECT_LT(svg(many).size(), 100000u);
    Chart tiny{"t", "x", "y", {}};
    tiny.width = 3;
    EXPECT_THROW(chart_svg(tiny), Error);
}

TEST(Chart, EscapesNames) {
    const Chart chart{"<script>alert(1)</script>", "a&b", "\"q\"", {{"s\x01", {{0, 1}, {1, 2}}}}};
    const std::string svg = chart_svg(chart);
    EXPECT_EQ(svg.find("<script>"), std::string::npos);
    EXPECT_NE(svg.find("a&amp;b"), std::string::npos);
    EXPECT_EQ(svg.find('\x01'), std::string::npos);
}

TEST(Drawing, LinesAreDrawnWhereTheySay) {
    const test::TemporaryFolder folder;
    const Drawing drawing{
        40, 20, {Polyline{{{0, 10.5}, {40, 10.5}}, {255, 0, 0}, 1}, Dot{{35, 4}, 3, {0, 0, 255}}}};
    write_png(drawing, folder / "x.png", 1);
    const Picture picture = read_png(folder / "x.png");
    const auto pixel = [&](unsigned x, unsigned y, int c) {
        return picture.pixels[(y * picture.width + x) * 3 + static_cast<unsigned>(c)];
    };
    EXPECT_EQ(pixel(20, 10, 0), 255);
    EXPECT_LT(pixel(20, 10, 1), 10);
    EXPECT_GT(pixel(20, 13, 1), 250);
    EXPECT_LT(pixel(35, 4, 0), 10);
    EXPECT_THROW(write_png({0, 20, {}}, folder / "y.png", 1), Error);
    EXPECT_THROW(write_png({9, 9, {}}, fs::path("/proc/none/x.png"), 1), Error);
}

TEST(Report, IsOneAccessiblePage) {
    const test::TemporaryFolder folder;
    write_file(folder / "a b#1.wav", "RIFF");
    Report report;
    report.title = "Voice <ada>";
    report.summary = "Two & two.";
    report.tables = {table_of("Dataset", {{"kept seconds", 12.25}, {"name", "\xff"}, {"list", {1, 2}}})};
    report.notes = {"The base model was random."};
    report.audio = {{"One sentence", "sampled", folder / "a b#1.wav"}};
    report.charts = training_charts(one_run());
    write_report(report, folder / "report.html");
    const std::string page = read_file(folder / "report.html");
    EXPECT_TRUE(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
    EXPECT_NE(page.find("<title>Voice &lt;ada&gt;</title>"), std::string::npos);
    EXPECT_NE(page.find("src=\"a%20b%231.wav\""), std::string::npos);
    EXPECT_EQ(count(page, "<svg"), 4u);
    EXPECT_EQ(count(page, "<h1>"), 1u);
    EXPECT_NE(page.find("12.25"), std::string::npos);
    EXPECT_TRUE(is_utf8(page));
    EXPECT_EQ(page.find("http://"), page.find("http://www.w3.org"));  // nothing is loaded from elsewhere
    report.embed_audio = true;
    EXPECT_NE(report_html(report, folder.path()).find("data:audio/wav;base64,UklGRg=="), std::string::npos);
    report.audio[0].file = folder / "missing.wav";
    EXPECT_THROW(report_html(report, folder.path()), Error);
    EXPECT_TRUE(table_of("x", Json("no object")).rows.empty());
}

}  // namespace
}  // namespace testudo::studio
