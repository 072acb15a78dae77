#include "studio/run_series.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/event_tail.h"
#include "core/files.h"
#include "core/strings.h"
#include "studio/voice_summary.h"
#include "training/read_metrics.h"
#include "training/run_paths.h"

namespace testudo::studio {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

std::size_t rows_of(const Columns& columns) { return columns.empty() ? 0 : columns.begin()->second.size(); }

bool wanted(const std::vector<std::string>& keys, const std::string& key) {
    return keys.empty() || key == "it" || key == "time" ||
           std::find(keys.begin(), keys.end(), key) != keys.end();
}

void add_row(Columns& columns, const Json& event, const std::vector<std::string>& keys) {
    const std::size_t before = rows_of(columns);
    for (const auto& [key, value] : event.items()) {
        if (!value.is_number() || key == "seq") continue;
        if (!wanted(keys, key)) continue;
        auto& column = columns[key];
        column.resize(before, none);
        column.push_back(value.get<double>());
    }
    for (auto& [key, column] : columns) column.resize(before + 1, none);
}

void add_event(RunSeries& series, const Json& event, const std::vector<std::string>& keys) {
    const std::string type = text_or(event, "type");
    if (type == "metric" && event.contains("it") && event["it"].is_number()) {
        const std::string mode = text_or(event, "mode");
        if (mode.empty()) add_row(series.steps, event, keys);
        if (mode == "validation") add_row(series.validation, event, keys);
    } else if (type == "artifact" && text_or(event, "kind") == "state") {
        const fs::path state = text_or(event, "path");
        const std::string stem = state.stem().string();
        if (!stem.empty() && stem.size() < 16 && stem.find_first_not_of("0123456789") == std::string::npos)
            series.milestones.push_back(
                {{"it", std::stoll(stem)}, {"what", "save"}, {"time", number_or(event, "time", 0)}});
    } else if (type == "done" || type == "failed") {
        const auto& its = series.steps.find("it");
        if (its != series.steps.end() && !its->second.empty())
            series.milestones.push_back(
                {{"it", its->second.back()}, {"what", "end"}, {"time", number_or(event, "time", 0)}});
    }
}

bool concerns(std::string_view line) {
    return line.find("\"metric\"") != std::string_view::npos ||
           line.find("\"artifact\"") != std::string_view::npos ||
           line.find("\"done\"") != std::string_view::npos ||
           line.find("\"failed\"") != std::string_view::npos;
}

bool has_logs(const fs::path& folder) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (name.starts_with("train_") && name.ends_with(".log")) return true;
    }
    return false;
}

RunEntry entry_of(const std::string& voice, const training::RunPaths& paths, bool archived) {
    RunEntry entry;
    entry.voice = voice;
    entry.run = paths.finetune.filename().string();
    entry.archived = archived;
    entry.folder = paths.finetune;
    entry.events = paths.events;
    const auto saved = training::saved_iterations(paths);
    if (!saved.empty()) entry.iteration = saved.back();
    entry.changed = std::max(change_time(paths.events), change_time(paths.models));
    entry.log = change_time(paths.events) == 0 && has_logs(paths.finetune);
    if (entry.log) entry.changed = std::max(entry.changed, change_time(paths.finetune));
    return entry;
}

}  // namespace

RunSeries series_after(const RunEntry& run, std::uint64_t after, const std::vector<std::string>& keys) {
    RunSeries series;
    std::error_code error;
    if (!fs::exists(run.events, error)) return series;
    const MappedFile file(run.events);
    const auto bytes = file.bytes();
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    series.reset = after > text.size() || (after > 0 && text[after - 1] != '\n');
    std::size_t at = series.reset ? 0 : after;
    for (auto end = text.find('\n', at); end != std::string_view::npos; end = text.find('\n', at)) {
        const std::string_view line = text.substr(at, end - at);
        at = end + 1;
        if (!concerns(line)) continue;
        const Json event = Json::parse(line, nullptr, false);
        if (event.is_object()) add_event(series, event, keys);
    }
    series.next = at;
    return series;
}

RunSeries whole_series(const RunEntry& run, const std::vector<std::string>& keys) {
    RunSeries series = series_after(run, 0, keys);  // for its milestones, and where it ends
    training::MetricTable table;
    try {
        table = training::read_run_metrics(run.folder);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) throw;
        return series;  // it has no numbers yet
    }
    series.steps.clear();
    series.validation.clear();
    for (const auto& row : table.rows()) {
        Columns& columns = row.validation ? series.validation : series.steps;
        const std::size_t before = rows_of(columns);
        const auto put = [&](const std::string& key, double value) {
            if (!wanted(keys, key)) return;
            auto& column = columns[key];
            column.resize(before, none);
            column.push_back(value);
        };
        put("it", static_cast<double>(row.iteration));
        put("time", row.time);
        if (row.epoch) put("epoch", static_cast<double>(*row.epoch));
        for (std::size_t i = 0; i < row.values.size(); ++i)
            if (std::isfinite(row.values[i])) put(table.columns()[i], row.values[i]);
        for (auto& [key, column] : columns) column.resize(before + 1, none);
    }
    return series;
}

Columns thinned(const Columns& columns, std::size_t points) {
    const std::size_t rows = rows_of(columns);
    if (points == 0 || rows <= points) return columns;
    const std::size_t stretches = std::max<std::size_t>(1, points - 1);
    Columns out;
    for (const auto& [key, values] : columns) {
        auto& column = out[key];
        for (std::size_t i = 0; i < stretches; ++i) {
            double sum = 0;
            int count = 0;
            for (std::size_t row = i * (rows - 1) / stretches; row < (i + 1) * (rows - 1) / stretches; ++row)
                if (std::isfinite(values[row])) {
                    sum += values[row];
                    ++count;
                }
            column.push_back(count > 0 ? sum / count : none);
        }
        column.push_back(values.back());
    }
    return out;
}

Json to_json(const Columns& columns) {
    Json out = Json::object();
    for (const auto& [key, values] : columns) {
        Json list = Json::array();
        for (const double value : values) list.push_back(std::isfinite(value) ? Json(value) : Json());
        out[key] = std::move(list);
    }
    return out;
}

std::vector<RunEntry> runs_of(const Workspace& workspace, const std::string& voice) {
    const auto paths = training::run_paths(workspace.root(), voice);
    std::vector<RunEntry> runs;
    for (const auto& run : training::all_runs(paths)) {
        RunEntry entry = entry_of(voice, run, run.finetune != paths.finetune);
        if (entry.changed > 0) runs.push_back(std::move(entry));
    }
    return runs;
}

}  // namespace testudo::studio
