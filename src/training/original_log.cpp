#include "training/original_log.h"

#include <chrono>
#include <cstdio>
#include <ctime>

#include "core/files.h"
#include "core/strings.h"

namespace testudo::training {

namespace {

std::string local_time(const char* format, std::time_t now) {
    char text[64];
    std::tm local{};
    localtime_r(&now, &local);
    std::strftime(text, sizeof text, format, &local);
    return text;
}

}  // namespace

OriginalLog::OriginalLog(const std::filesystem::path& folder, const std::string& voice)
    : file_(std::make_unique<AppendFile>(
          folder / cat("train_", voice, "_", local_time("%y%m%d-%H%M%S", std::time(nullptr)), ".log"))) {}

void OriginalLog::line(const std::string& message) {
    if (!file_) return;
    const auto now = std::chrono::system_clock::now();
    const auto milliseconds =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
    char fraction[8];
    std::snprintf(fraction, sizeof fraction, ".%03d", static_cast<int>(milliseconds));
    file_->append(cat(local_time("%y-%m-%d %H:%M:%S", std::chrono::system_clock::to_time_t(now)), fraction,
                      " - INFO: ", message, "\n"));
}

void OriginalLog::training(const Json& metric) {
    Json values;
    for (const char* key : {"loss_text_ce", "loss_mel_ce", "loss_gpt_total", "lr", "it", "step", "steps"})
        values[key] = metric.at(key);
    values["epoch"] = metric.at("epoch").get<std::int64_t>() - 1;
    values["iteration_rate"] = metric.at("iteration_seconds");
    line(cat("Training Metrics: ", values.dump()));
}

void OriginalLog::validation(const Json& metric) {
    Json values;
    for (const char* key : {"loss_text_ce", "loss_mel_ce", "it"}) values[key] = metric.at(key);
    line(cat("Validation Metrics: ", values.dump()));
}

void keep_configuration(const std::filesystem::path& folder, const std::filesystem::path& yaml) {
    write_file(folder / cat(local_time("%d%m%Y_%H%M%S", std::time(nullptr)), "_train.yaml"),
               read_file(yaml, 16 << 20));
}

}  // namespace testudo::training
