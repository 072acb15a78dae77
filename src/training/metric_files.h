#pragma once
// Metrics written as they come, beside events.jsonl: metrics.csv and an event file of TensorBoard in
// tb_logger/. Neither is worth a training: what cannot be written is told once, and waits.
#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/append_file.h"
#include "core/events.h"
#include "training/metric_table.h"

namespace testudo::training {

class MetricFiles {
  public:
    struct Wanted {
        bool csv = false, tensorboard = false;
    };
    // `so_far`: of a run that goes on. Into a CSV it is written anew; for TensorBoard it is, unless there are
    // event files already: then what they hold beyond its last iteration is declared void.
    MetricFiles(const std::filesystem::path& finetune, Wanted wanted, const MetricTable& so_far,
                Events& events);
    ~MetricFiles();  // a last try for a CSV that could not be written

    // A metric event that was given to `events` already. An iteration that comes again makes the CSV anew
    // from events.jsonl, and what came from it on void for TensorBoard.
    void add(const Json& event);

  private:
    using Clock = std::chrono::steady_clock;
    void start_csv(const MetricTable& table);
    void start_tensorboard(const MetricTable& table);
    void make_csv_anew();
    void add_to_csv(const MetricRow& row, const std::vector<std::string>& columns);
    bool in_csv(const std::vector<std::string>& columns) const;
    void append(AppendFile& file, std::string bytes);
    void failed(const std::filesystem::path& path, const std::string& why);

    std::filesystem::path finetune_, csv_path_;
    Wanted wanted_;
    Events& events_;
    std::optional<AppendFile> csv_, tensorboard_;  // no CSV: it is to be made anew
    std::vector<std::string> columns_;             // of the CSV
    Clock::time_point csv_failed_{};               // making it anew
    std::set<std::filesystem::path> told_;         // which could not be written
    std::int64_t last_ = 0;
};

}  // namespace testudo::training
