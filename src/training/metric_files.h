#pragma once
// Metrics written as they come, beside events.jsonl: metrics.csv and an event file of TensorBoard in
// tb_logger/. Neither is worth a training: what cannot be written is told once and given up.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

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

    // A metric event that is in events.jsonl already. An iteration that comes again makes the CSV anew from
    // there, and what came from it on void for TensorBoard.
    void add(const Json& event);

  private:
    using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
    void start_csv(const MetricTable& table);
    void start_tensorboard(const MetricTable& table);
    void write(File& file, const std::filesystem::path& path, const std::string& bytes);

    std::filesystem::path finetune_, csv_path_, tensorboard_path_;
    Events& events_;
    File csv_{nullptr, std::fclose}, tensorboard_{nullptr, std::fclose};
    std::vector<std::string> columns_;  // of the CSV
    std::int64_t last_ = 0;
};

}  // namespace testudo::training
