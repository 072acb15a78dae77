#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>

#include "core/strings.h"

namespace testudo::cli {

namespace {

int terminal_width() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 100;
}

std::string number(double value, const char* format = "%.3g") {
    char out[32];
    std::snprintf(out, sizeof out, format, value);
    return out;
}

bool has_number(const Json& object, const char* key) {
    return object.contains(key) && object[key].is_number();
}

void add_metrics(std::string& line, const Json& metric, const Json& validation) {
    const auto add = [&](const Json& from, const char* key, const char* label) {
        if (has_number(from, key)) line += cat("  ", label, " ", number(from[key].get<double>(), "%.3f"));
    };
    add(metric, "loss_text_ce", "text");
    add(metric, "loss_mel_ce", "mel");
    add(metric, "loss_gpt_total", "total");
    add(validation, "loss_mel_ce", "val mel");
    if (has_number(metric, "lr")) line += cat("  lr ", number(metric["lr"].get<double>()));
}

// "validation in 3 (12 s)": iterations, and the time until then. The nearest first: a narrow terminal cuts
// the end off.
void add_milestones(std::string& line, const Json& event) {
    const auto found = event.find("milestones");
    if (found == event.end() || !found->is_array()) return;
    const std::map<std::string, const char*> labels = {{"epoch", "epoch ends"},
                                                       {"learning_rate", "lr falls"},
                                                       {"restart", "lr restarts"},
                                                       {"validation", "validation"},
                                                       {"save", "save"}};
    for (const Json& one : *found) {
        if (!one.is_object() || !one.contains("kind") || !one["kind"].is_string()) continue;
        const auto label = labels.find(one["kind"].get<std::string>());
        if (label == labels.end() || !has_number(one, "iterations_left")) continue;
        line += cat("  ", label->second, " in ", number(one["iterations_left"].get<double>(), "%.6g"));
        if (has_number(one, "seconds_left"))
            line += cat(" (", human_duration(one["seconds_left"].get<double>()), ")");
    }
}

}  // namespace

std::string describe_progress(const Json& event, const Json& metric, const Json& validation, int width) {
    const double done = event.value("done", 0.0), total = event.value("total", 0.0);
    const double share = total > 0 ? std::clamp(done / total, 0.0, 1.0) : 0.0;
    std::string line = event.value("stage", "working");
    if (has_number(event, "epoch")) {
        line += cat("  epoch ", event["epoch"].get<double>());
        if (has_number(event, "epochs")) line += cat("/", event["epochs"].get<double>());
    }
    if (has_number(event, "batch") && has_number(event, "batches"))
        line += cat("  batch ", event["batch"].get<double>(), "/", event["batches"].get<double>());
    constexpr int cells = 20;
    const int full = static_cast<int>(std::lround(share * cells));
    line += cat("  [", std::string(full, '#'), std::string(cells - full, '.'), "] ",
                number(100 * share, "%.0f"), " %");
    if (total > 0)
        line += cat("  ", number(done, "%.6g"), "/", number(total, "%.6g"), " ", event.value("unit", ""));
    if (has_number(event, "rate") && event["rate"].get<double>() > 0) {
        const double rate = event["rate"].get<double>();
        line += rate >= 1 ? cat("  ", number(rate, "%.1f"), " it/s")
                          : cat("  ", number(1 / rate, "%.1f"), " s/it");
    }
    add_metrics(line, metric, validation);
    if (has_number(event, "eta_seconds"))
        line += cat("  ETA ", human_duration(event["eta_seconds"].get<double>()));
    add_milestones(line, event);
    if (event.contains("what") && event["what"].is_string())
        line += cat("  ", event["what"].get<std::string>());
    const std::u32string shown = code_points(line);
    if (width > 0 && shown.size() > static_cast<std::size_t>(width))
        line = to_utf8(std::u32string_view(shown).substr(0, static_cast<std::size_t>(width) - 1)) + "…";
    return line;
}

ProgressLine::ProgressLine(Style style) : style_(style), terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::clear() {
    if (drawn_ && terminal_) std::cerr << "\r\033[K" << std::flush;
    drawn_ = false;
}

void ProgressLine::put_line(const std::string& text) {
    clear();
    std::cerr << printable(text) << std::endl;
}

void ProgressLine::draw(const Json& event) {
    if (style_ == Style::json) {
        std::cout << event.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
        return;
    }
    const std::string type = event.value("type", "");
    if (type == "metric") (event.value("mode", "") == "validation" ? validation_ : metric_) = event;
    if (type == "log") {
        const std::string level = event.value("level", "info");
        if (style_ == Style::quiet && level == "info") return;
        put_line(level == "info" ? event.value("message", "") : cat(level, ": ", event.value("message", "")));
    }
    if (type == "remark") put_line(cat("remark: ", event.value("message", "")));
    if (style_ == Style::quiet) return;
    if (type == "artifact") put_line(cat("wrote ", event.value("path", "")));
    if (type == "metric" && event.value("mode", "") == "validation") {
        std::string line = "validation";
        add_metrics(line, event, Json::object());
        put_line(line);
    }
    if (type != "progress") return;
    const std::string stage = event.value("stage", "");
    const double now = event.value("time", 0.0);
    const bool finished = event.value("done", 0.0) >= event.value("total", 0.0);
    // A terminal is redrawn ten times a second at most, other outputs get a line every ten seconds.
    if (stage == last_stage_ && !finished && now - last_drawn_ < (terminal_ ? 0.1 : 10.0)) return;
    last_stage_ = stage;
    last_drawn_ = now;
    if (!terminal_) {
        put_line(describe_progress(event, metric_, validation_, 0));
        return;
    }
    std::cerr << "\r\033[K" << describe_progress(event, metric_, validation_, terminal_width() - 1)
              << std::flush;
    drawn_ = true;
    if (finished) {
        std::cerr << std::endl;
        drawn_ = false;
    }
}

}  // namespace testudo::cli
