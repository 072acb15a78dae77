#pragma once
// Graphs of trainings: losses, learning rate, gradient norm, of one run or of several side by side.
#include <string>
#include <utility>
#include <vector>

#include "studio/chart.h"
#include "training/metric_table.h"

namespace testudo::studio {

struct Run {
    std::string name;
    training::MetricTable metrics;
};

// What a chart goes over: iteration; epochs (2.5 is the middle of the third); hours since the first number.
enum class Axis { iteration, epoch, hours };

struct ChartOptions {
    Axis over = Axis::iteration;
    int smooth = 1;  // training curves as the mean of the last so many iterations
};

// By name: loss_mel, loss_text, loss_total (training and validation), learning_rate, grad_norm. A chart
// without a point is left out.
std::vector<std::pair<std::string, Chart>> training_charts(const std::vector<Run>& runs,
                                                           const ChartOptions& options = {});
// Writes <name>.svg and <name>.png for each; returns the files.
std::vector<fs::path> write_graphs(const std::vector<Run>& runs, const fs::path& folder,
                                   const ChartOptions& options = {});

}  // namespace testudo::studio
