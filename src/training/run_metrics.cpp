#include "training/run_metrics.h"

#include "core/error.h"
#include "training/memory_use.h"
#include "training/read_metrics.h"

namespace testudo::training {

RunMetrics::RunMetrics(const RunSetup& setup, Events& events)
    : events_(events),
      device_(setup.model->device()),
      log_(setup.leads() ? OriginalLog(setup.paths.finetune, setup.config.voice) : OriginalLog()),
      remarks_(setup.counting.per_epoch()) {
    if (!setup.leads()) return;
    MetricTable so_far;
    if (setup.start > 0) {
        try {
            so_far = read_run_metrics(setup.paths.finetune);
            so_far.cut_after(setup.start);
        } catch (const Error&) {
            // A run may go on from a state alone, in a folder that tells nothing of what came before.
        }
        remarks_.add(so_far);
        for (const auto& name : remarks_in(setup.paths.events)) remarks_.mark_said(name);
    }
    files_.emplace(setup.paths.finetune, MetricFiles::Wanted{setup.config.csv, setup.config.tensorboard},
                   so_far, events);
}

void RunMetrics::emit(Json metric) {
    events_.metric(metric);
    metric["type"] = "metric";
    if (files_) files_->add(metric);
    if (const auto remark = remarks_.next())
        events_.remark(remark->name, remark->message, metric["it"].get<std::int64_t>());
}

void RunMetrics::training(Json metric) {
    metric.update(memory_use(device_));
    log_.training(metric);
    remarks_.training(metric["it"].get<std::int64_t>(), metric["loss_text_ce"].get<double>(),
                      metric["loss_mel_ce"].get<double>(), metric["loss_gpt_total"].get<double>());
    emit(std::move(metric));
}

void RunMetrics::validation(Json metric) {
    log_.validation(metric);
    remarks_.validation(metric["it"].get<std::int64_t>(), metric["loss_gpt_total"].get<double>());
    emit(std::move(metric));
}

}  // namespace testudo::training
