#include "training/out_of_memory.h"

#include <ATen/DeviceAccelerator.h>
#include <c10/util/Exception.h>

#include <algorithm>

#include "core/strings.h"
#include "training/measure_memory.h"

namespace testudo::training {

namespace {

// Returns the limit, in words.
std::string free_what_is_cached(const RunSetup& setup) {
    const at::Device device = setup.model->device();
    if (!device.is_cpu()) at::accelerator::emptyCache();
    return memory_limit(setup.config, device);
}

}  // namespace

Error out_of_memory(const std::string& what, const std::string& limit, const std::string& remedy) {
    return environment_error(
        cat("the memory does not suffice", limit.empty() ? "" : cat(": there are ", limit), ": ", what),
        remedy);
}

Error start_out_of_memory(const std::exception& error) {
    const bool of_gpu = dynamic_cast<const c10::OutOfMemoryError*>(&error);  // which names its limit itself
    return out_of_memory(failed_allocation(error), of_gpu ? "" : memory_limit({}, at::kCPU),
                         memory_remedy({}, false, true));
}

Error step_out_of_memory(const RunSetup& setup, const Step& step, std::int64_t clips,
                         const std::string& what) {
    return out_of_memory(
        what, free_what_is_cached(setup),
        memory_remedy(setup.config, setup.config.accumulation < clips, step.options().checkpointing));
}

std::string failed_allocation(const std::exception& error) {
    const auto* known = dynamic_cast<const c10::Error*>(&error);
    return known ? known->what_without_backtrace() : "an allocation failed";
}

std::string make_validation_smaller(const RunSetup& setup, std::int64_t clips, const std::string& what) {
    const std::string limit = free_what_is_cached(setup);
    if (clips <= 1) throw out_of_memory(what, limit, memory_remedy(setup.config, false, true));
    return cat("a validation ran out of memory (", limit, ") with ", clips, " clips at a time: from now on ",
               (clips + 1) / 2, ". For the next run lower datasets.val.batch_size in ", setup.config.yaml);
}

std::string make_steps_smaller(RunSetup& setup, Step& step, std::int64_t clips, const std::string& what) {
    Config& config = setup.config;
    const std::string limit = free_what_is_cached(setup);
    const std::int64_t parts = std::min(config.accumulation, clips);
    if (parts < clips) {
        const std::int64_t now = std::min(2 * parts, clips);
        config.accumulation = setup.own.accumulation = now;
        return cat("a step ran out of memory (", limit, "): from now on a batch is computed in ", now,
                   " parts instead of ", parts, ", here ", (clips + now - 1) / now, " of ", clips,
                   " clips at a time",
                   config.step.form.objective == nets::Objective::dlas
                       ? "; each is averaged on its own, as DLAS does"
                       : ", with the same result",
                   ". For the next run set gradient_accumulation_size ", now, " (train.mega_batch_factor in ",
                   config.yaml, ")");
    }
    if (!step.options().checkpointing && config.checkpointing == Checkpointing::automatic) {
        step.set_checkpointing(true);
        return cat("a step ran out of memory (", limit,
                   ") with one clip at a time: gradient checkpointing is on from now on");
    }
    throw step_out_of_memory(setup, step, clips, what);
}

}  // namespace testudo::training
