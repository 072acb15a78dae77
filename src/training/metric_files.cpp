#include "training/metric_files.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "training/read_metrics.h"
#include "training/tensorboard.h"

namespace testudo::training {

namespace {

double now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool holds_event_files(const fs::path& folder) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
        if (entry.path().filename().string().find("tfevents") != std::string::npos) return true;
    return false;
}

constexpr std::chrono::seconds again{5};  // for a CSV made anew, which reads all of events.jsonl

}  // namespace

MetricFiles::MetricFiles(const fs::path& finetune, Wanted wanted, const MetricTable& so_far, Events& events)
    : finetune_(finetune),
      csv_path_(finetune / "metrics.csv"),
      wanted_(wanted),
      events_(events),
      last_(so_far.last_iteration()) {
    try {
        if (wanted.csv) start_csv(so_far);
    } catch (const Error& error) {
        failed(csv_path_, error.what());
    }
    if (wanted.tensorboard) start_tensorboard(so_far);
}

MetricFiles::~MetricFiles() {
    csv_failed_ = {};
    if (wanted_.csv && !csv_) make_csv_anew();
}

void MetricFiles::failed(const fs::path& path, const std::string& why) {
    if (told_.insert(path).second)
        events_.warning(cat("cannot write ", path, ": ", why,
                            "; it is tried again as the training goes on, and `testudo graphs` makes it from "
                            "events.jsonl, too"));
}

void MetricFiles::start_csv(const MetricTable& table) {
    write_file(csv_path_, to_csv(table));
    columns_ = table.columns();
    csv_.emplace(csv_path_);
    told_.erase(csv_path_);
}

void MetricFiles::start_tensorboard(const MetricTable& table) {
    const fs::path folder = finetune_ / "tb_logger";
    const double time = now();
    const bool goes_on = holds_event_files(folder);
    tensorboard_.emplace(folder / tensorboard_file_name(time));
    append(*tensorboard_, goes_on ? tensorboard_version(time) + tensorboard_restart(time, last_ + 1)
                                  : to_tensorboard(table));
}

// From events.jsonl, once that is whole.
void MetricFiles::make_csv_anew() {
    csv_.reset();
    if (events_.waits() || Clock::now() < csv_failed_ + again) return;
    try {
        start_csv(read_run_metrics(finetune_));
    } catch (const std::exception& error) {
        csv_failed_ = Clock::now();
        failed(csv_path_, error.what());
    }
}

void MetricFiles::append(AppendFile& file, std::string bytes) {
    if (file.append(std::move(bytes)))
        told_.erase(file.path());
    else
        failed(file.path(), file.why());
}

bool MetricFiles::in_csv(const std::vector<std::string>& columns) const {
    return std::all_of(columns.begin(), columns.end(), [&](const auto& name) {
        return std::find(columns_.begin(), columns_.end(), name) != columns_.end();
    });
}

void MetricFiles::add_to_csv(const MetricRow& row, const std::vector<std::string>& columns) {
    MetricRow placed = row;
    placed.values.assign(columns_.size(), std::nan(""));
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto at = std::find(columns_.begin(), columns_.end(), columns[i]) - columns_.begin();
        placed.values[static_cast<std::size_t>(at)] = row.values[i];
    }
    if (!std::isfinite(placed.time)) placed.time = now();
    append(*csv_, csv_row(placed, columns_.size()));
}

void MetricFiles::add(const Json& event) {
    if (!wanted_.csv && !tensorboard_) return;
    MetricTable one;
    one.add(event);
    if (one.empty()) return;
    const MetricRow& row = one.rows().front();
    const bool repeats = !row.validation && row.iteration <= last_;
    if (!row.validation) last_ = row.iteration;
    if (tensorboard_) {
        const double time = now();
        append(*tensorboard_,
               (repeats ? tensorboard_restart(time, row.iteration) : "") +
                   tensorboard_scalars(time, row.iteration, tensorboard_names(row, one.columns())));
    }
    if (!wanted_.csv) return;
    if (csv_ && !repeats && in_csv(one.columns()))
        add_to_csv(row, one.columns());
    else
        make_csv_anew();
}

}  // namespace testudo::training
