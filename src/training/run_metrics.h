#pragma once
// Where the numbers of a training go: events.jsonl, the log in the original's form, CSV and TensorBoard when
// asked for, and the remarks made on them.
#include <optional>

#include "core/events.h"
#include "training/metric_files.h"
#include "training/original_log.h"
#include "training/remarks.h"
#include "training/run_setup.h"

namespace testudo::training {

class RunMetrics {
  public:
    // Reads what a run that goes on has told so far. Writes no file but on rank 0.
    RunMetrics(const RunSetup& setup, Events& events);

    OriginalLog& log() { return log_; }
    void training(Json metric);  // adds the memory in use
    void validation(Json metric);

  private:
    void emit(Json metric);

    Events& events_;
    at::Device device_;
    OriginalLog log_;
    Remarks remarks_;
    std::optional<MetricFiles> files_;
};

}  // namespace testudo::training
