#pragma once
// train_<voice>_<yymmdd-HHMMSS>.log with the lines that the original studio draws its charts from, so that a
// run made here shows there.
#include <filesystem>
#include <memory>
#include <string>

#include "core/append_file.h"
#include "core/json.h"

namespace testudo::training {

class OriginalLog {
  public:
    OriginalLog() = default;  // says nothing
    OriginalLog(const std::filesystem::path& folder, const std::string& voice);

    void line(const std::string& message);  // "26-01-31 12:00:00.123 - INFO: message"
    // {loss_text_ce, loss_mel_ce, loss_gpt_total, lr, it, step, steps, epoch (from 0), iteration_rate}
    void training(const Json& metric);
    void validation(const Json& metric);  // {loss_text_ce, loss_mel_ce, it}

  private:
    std::unique_ptr<AppendFile> file_;  // a courtesy: where it cannot be written nobody is told
};

// A copy of the YAML beside it: <ddmmyyyy_HHMMSS>_train.yaml, as the original leaves one of every start.
void keep_configuration(const std::filesystem::path& folder, const std::filesystem::path& yaml);

}  // namespace testudo::training
