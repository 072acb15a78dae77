#include "studio/dataset_picture.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/strings.h"
#include "studio/drawing.h"

namespace testudo::studio {

namespace {

using dataset::Histogram;
using dataset::Statistics;

constexpr Colour ink{34, 34, 34}, faint{221, 221, 221}, bar{0, 114, 178}, lost{213, 94, 0};
constexpr int panel_width = 420, panel_height = 240, heading = 84;
constexpr double left = 56, right = 20, top = 44, bottom = 44;  // of a panel
constexpr std::size_t most_rows = 8;

struct Panel {
    const char *title, *unit;
    const Histogram* histogram;
};

std::vector<Panel> panels_of(const Statistics& s) {
    return {{"Length of the clips", "seconds", &s.length},
            {"Speaking rate", "characters a second", &s.characters_per_second},
            {"Text tokens of a line", "tokens", &s.tokens},
            {"Loudness", "LUFS", &s.loudness},
            {"Speech over noise", "dB", &s.snr}};
}

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", std::abs(value) < 1e-12 ? 0.0 : value);
    return text;
}

std::string summary(const Panel& panel) {
    const Histogram& h = *panel.histogram;
    if (h.values == 0) return "nothing to measure";
    return cat(number(h.least), " to ", number(h.most), ", median ", number(h.median));
}

void draw_bars(Drawing& out, const Histogram& h, double x, double y) {
    const double width = panel_width - left - right, base = y + panel_height - bottom;
    const double height = base - y - top;
    const int most = *std::max_element(h.counts.begin(), h.counts.end());
    for (const double share : {0.5, 1.0}) {
        const double at = base - share * height;
        out.shapes.emplace_back(Polyline{{{x + left, at}, {x + left + width, at}}, faint, 1});
        out.shapes.emplace_back(Label{{x + left - 6, at + 4}, number(share * most), 11, Anchor::end, ink});
    }
    const double step = width / static_cast<double>(h.counts.size());
    for (std::size_t i = 0; i < h.counts.size(); ++i) {
        const double middle = x + left + (static_cast<double>(i) + 0.5) * step;
        const double up = height * h.counts[i] / std::max(most, 1);
        if (h.counts[i] > 0)
            out.shapes.emplace_back(
                Polyline{{{middle, base}, {middle, base - up}}, bar, std::max(step - 2, 1.0)});
    }
    out.shapes.emplace_back(Polyline{{{x + left, base}, {x + left + width, base}}, ink, 1.2});
    const std::size_t every = std::max<std::size_t>(1, (h.counts.size() + 5) / 6);
    for (std::size_t i = 0; i <= h.counts.size(); i += every)
        out.shapes.emplace_back(Label{{x + left + static_cast<double>(i) * step, base + 16},
                                      number(h.low + static_cast<double>(i) * h.width),
                                      11,
                                      Anchor::middle,
                                      ink});
}

void draw_panel(Drawing& out, const Panel& panel, double x, double y) {
    out.shapes.emplace_back(Label{{x + left, y + 18}, panel.title, 15, Anchor::start, ink, false, true});
    out.shapes.emplace_back(Label{{x + left, y + 35}, summary(panel), 12, Anchor::start, ink});
    if (panel.histogram->values > 0) draw_bars(out, *panel.histogram, x, y);
    out.shapes.emplace_back(Label{{x + left + (panel_width - left - right) / 2, y + panel_height - 10},
                                  panel.unit,
                                  12,
                                  Anchor::middle,
                                  ink});
}

// What was kept and what was lost, and why, as bars of seconds.
void draw_kept(Drawing& out, const Statistics& s, double x, double y) {
    out.shapes.emplace_back(
        Label{{x + left, y + 18}, "Kept and left out", 15, Anchor::start, ink, false, true});
    struct Row {
        std::string name;
        double seconds;
        Colour colour;
    };
    std::vector<Row> rows = {{"kept", s.seconds, bar}};
    for (const auto& [kind, share] : s.lost)
        rows.push_back({cat(kind, " (", share.count, ")"), share.seconds, lost});
    std::stable_sort(rows.begin() + 1, rows.end(),
                     [](const Row& a, const Row& b) { return a.seconds > b.seconds; });
    if (rows.size() > most_rows) rows.resize(most_rows);
    double most = 1e-9;
    for (const Row& row : rows) most = std::max(most, row.seconds);
    double at = y + 44;
    for (const Row& row : rows) {
        const double length = 130 * row.seconds / most;
        out.shapes.emplace_back(Label{{x + left, at + 4}, row.name, 12, Anchor::start, ink});
        out.shapes.emplace_back(
            Polyline{{{x + left + 160, at}, {x + left + 160 + std::max(length, 1.0), at}}, row.colour, 12});
        out.shapes.emplace_back(Label{{x + left + 168 + std::max(length, 1.0), at + 4},
                                      human_duration(row.seconds),
                                      11,
                                      Anchor::start,
                                      ink});
        at += 22;
    }
}

std::string in_one_line(const Statistics& s) {
    std::string text = cat(s.train_lines, " lines to train on, ", s.validation_lines, " to validate with, ",
                           human_duration(s.seconds));
    if (s.speech_seconds && s.seconds > 0)
        text += cat(", ", std::lround(100 * *s.speech_seconds / s.seconds), " % speech");
    for (const auto& [verdict, count] : s.verdicts) text += cat(", ", count, " ", verdict);
    return text;
}

}  // namespace

std::string dataset_svg(const Statistics& s) {
    const std::vector<Panel> panels = panels_of(s);
    const int rows = static_cast<int>(panels.size() + 2) / 2;
    Drawing out{2 * panel_width, heading + rows * panel_height, {}};
    out.shapes.emplace_back(Label{{left, 34}, cat("Dataset ", s.voice), 20, Anchor::start, ink, false, true});
    out.shapes.emplace_back(Label{{left, 58}, in_one_line(s), 13, Anchor::start, ink});
    std::string description = cat(in_one_line(s), ".");
    for (std::size_t i = 0; i <= panels.size(); ++i) {
        const double x = i % 2 ? panel_width : 0, y = heading + static_cast<double>(i / 2) * panel_height;
        if (i == panels.size()) {
            draw_kept(out, s, x, y);
            break;
        }
        draw_panel(out, panels[i], x, y);
        description += cat(" ", panels[i].title, " in ", panels[i].unit, ": ", summary(panels[i]), ".");
    }
    for (const auto& [kind, share] : s.lost)
        description +=
            cat(" Left out as ", kind, ": ", share.count, ", ", human_duration(share.seconds), ".");
    return to_svg(out, cat("Dataset ", s.voice), description);
}

}  // namespace testudo::studio
