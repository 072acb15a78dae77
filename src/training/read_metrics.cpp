#include "training/read_metrics.h"

#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "training/original_log_reader.h"

namespace testudo::training {

namespace {

constexpr std::size_t largest_file = std::size_t{4} << 30;

// Progress bars that were caught with a log end their lines with \r alone.
template <class Take>
void for_each_line(const fs::path& file, Take&& take) {
    const std::string text = read_file(file, largest_file);
    for (std::size_t start = 0, end = 0; start < text.size(); start = end + 1) {
        end = std::min(text.find_first_of("\r\n", start), text.size());
        take(std::string_view(text.data() + start, end - start));
    }
}

// An event in which a type is mentioned, else null; most lines of an events.jsonl are progress.
Json event_of(std::string_view line, std::string_view type) {
    if (!line.starts_with('{') || line.find(type) == std::string_view::npos) return nullptr;
    Json event = Json::parse(line, nullptr, false);
    return event.is_object() ? event : Json();
}

void read_into(MetricTable& table, const fs::path& file) {
    OriginalLogReader log;
    for_each_line(file, [&](std::string_view line) {
        table.add(line.starts_with('{') ? event_of(line, "\"metric\"") : log.line(line));
    });
}

// By the moment in their names, train_<voice>_<yymmdd-HHMMSS>.log.
std::vector<fs::path> logs_in(const fs::path& finetune) {
    constexpr std::string_view moment = "yymmdd-HHMMSS.log";
    std::vector<fs::path> logs;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(finetune, ignored)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("train_") && name.ends_with(".log") && name.size() > moment.size())
            logs.push_back(entry.path());
    }
    const auto key = [&](const fs::path& log) {
        const std::string name = log.filename().string();
        return std::pair(name.substr(name.size() - moment.size()), name);
    };
    std::sort(logs.begin(), logs.end(),
              [&](const fs::path& a, const fs::path& b) { return key(a) < key(b); });
    return logs;
}

}  // namespace

MetricTable metrics_of_events(const std::vector<Json>& events) {
    MetricTable table;
    for (const Json& event : events) table.add(event);
    table.place_validations();
    return table;
}

std::set<std::string> remarks_in(const fs::path& events) {
    std::set<std::string> names;
    if (!fs::exists(events)) return names;
    for_each_line(events, [&](std::string_view line) {
        const Json event = event_of(line, "\"remark\"");
        if (!event.contains("type") || event["type"] != "remark") return;
        if (const auto name = event.find("name"); name != event.end() && name->is_string())
            names.insert(name->get<std::string>());
    });
    return names;
}

MetricTable read_metrics(const fs::path& file) {
    MetricTable table;
    read_into(table, file);
    table.place_validations();
    if (table.empty())
        throw input_error(cat(file, " holds no metrics of a training"),
                          "Name an events.jsonl of Testudo or a log of DLAS (train_<voice>_<date>.log).");
    return table;
}

MetricTable read_run_metrics(const fs::path& finetune) {
    MetricTable own;
    const fs::path events = finetune / "events.jsonl";
    if (fs::exists(events)) read_into(own, events);
    MetricTable table;
    if (own.empty() || own.rows().front().iteration > 1)
        for (const fs::path& log : logs_in(finetune)) read_into(table, log);
    if (!own.empty()) {
        table.cut_after(own.rows().front().iteration - 1);
        table.append(own);
    }
    table.place_validations();
    if (table.empty())
        throw input_error(cat("there are no metrics of a training in ", finetune),
                          "Start one with `testudo train`, or name another folder, events.jsonl or log.");
    return table;
}

}  // namespace testudo::training
