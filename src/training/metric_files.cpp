#include "training/metric_files.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

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

std::string given_up(const fs::path& path, const std::string& why) {
    return cat("cannot write ", path, ": ", why, "; `testudo graphs` makes it from events.jsonl afterwards");
}

}  // namespace

MetricFiles::MetricFiles(const fs::path& finetune, Wanted wanted, const MetricTable& so_far, Events& events)
    : finetune_(finetune),
      csv_path_(finetune / "metrics.csv"),
      events_(events),
      last_(so_far.last_iteration()) {
    if (wanted.csv) start_csv(so_far);
    if (wanted.tensorboard) start_tensorboard(so_far);
}

void MetricFiles::start_csv(const MetricTable& table) {
    csv_.reset();
    columns_ = table.columns();
    try {
        write_file(csv_path_, to_csv(table));
        csv_.reset(std::fopen(csv_path_.c_str(), "ae"));
        if (!csv_) events_.warning(given_up(csv_path_, std::strerror(errno)));
    } catch (const Error& error) {
        events_.warning(given_up(csv_path_, error.what()));
    }
}

void MetricFiles::start_tensorboard(const MetricTable& table) {
    const fs::path folder = finetune_ / "tb_logger";
    const double time = now();
    tensorboard_path_ = folder / tensorboard_file_name(time);
    const bool goes_on = holds_event_files(folder);
    try {
        make_folders(folder);
    } catch (const Error& error) {
        return events_.warning(given_up(tensorboard_path_, error.what()));
    }
    tensorboard_.reset(std::fopen(tensorboard_path_.c_str(), "ae"));
    if (!tensorboard_) return events_.warning(given_up(tensorboard_path_, std::strerror(errno)));
    write(tensorboard_, tensorboard_path_,
          goes_on ? tensorboard_version(time) + tensorboard_restart(time, last_ + 1) : to_tensorboard(table));
}

void MetricFiles::write(File& file, const fs::path& path, const std::string& bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size() &&
        std::fflush(file.get()) == 0)
        return;
    events_.warning(given_up(path, std::strerror(errno)));
    file.reset();
}

void MetricFiles::add(const Json& event) {
    if (!csv_ && !tensorboard_) return;
    MetricTable one;
    one.add(event);
    if (one.empty()) return;
    const MetricRow& row = one.rows().front();
    const bool again = !row.validation && row.iteration <= last_;
    if (!row.validation) last_ = row.iteration;
    if (tensorboard_) {
        const double time = now();
        std::string bytes = again ? tensorboard_restart(time, row.iteration) : "";
        bytes += tensorboard_scalars(time, row.iteration, tensorboard_names(row, one.columns()));
        write(tensorboard_, tensorboard_path_, bytes);
    }
    if (!csv_) return;
    const auto known = [&] {
        return std::all_of(one.columns().begin(), one.columns().end(), [&](const auto& name) {
            return std::find(columns_.begin(), columns_.end(), name) != columns_.end();
        });
    };
    if (again || !known()) {
        try {
            start_csv(read_run_metrics(finetune_));
            if (!known()) throw input_error("events.jsonl could not be written either", "");
        } catch (const Error& error) {
            csv_.reset();
            events_.warning(given_up(csv_path_, error.what()));
        }
        return;
    }
    MetricRow placed = row;
    placed.values.assign(columns_.size(), std::nan(""));
    for (std::size_t i = 0; i < one.columns().size(); ++i) {
        const auto at = std::find(columns_.begin(), columns_.end(), one.columns()[i]) - columns_.begin();
        placed.values[static_cast<std::size_t>(at)] = row.values[i];
    }
    if (!std::isfinite(placed.time)) placed.time = now();
    write(csv_, csv_path_, csv_row(placed, columns_.size()));
}

}  // namespace testudo::training
