#include "training/out_of_memory.h"

#include <ATen/DeviceAccelerator.h>
#include <c10/util/Exception.h>
#include <sys/resource.h>

#include <algorithm>

#include "core/strings.h"
#include "training/measure_memory.h"

namespace testudo::training {

namespace {

// What most likely was hit: where the process may have only so many addresses, that; else the memory.
std::string limit_in_words(at::Device device) {
    struct rlimit addresses {};
    if (device.is_cpu() && ::getrlimit(RLIMIT_AS, &addresses) == 0 && addresses.rlim_cur != RLIM_INFINITY)
        return cat(human_bytes(static_cast<double>(addresses.rlim_cur)),
                   " (the limit of this process, ulimit -v)");
    return memory_limit(device);
}

// Returns the limit, in words.
std::string free_what_is_cached(at::Device device) {
    if (!device.is_cpu()) at::accelerator::emptyCache();
    return limit_in_words(device);
}

}  // namespace

Error out_of_memory(const std::string& what, const std::string& limit) {
    return environment_error(
        cat("the memory does not suffice for a step", limit.empty() ? "" : cat(": there are ", limit), ": ",
            what),
        "Raise gradient_accumulation_size, switch checkpointing on, or train adapters (lora_rank).");
}

std::string failed_allocation(const std::exception& error) {
    const auto* known = dynamic_cast<const c10::Error*>(&error);
    return known ? known->what_without_backtrace() : "an allocation failed";
}

std::string make_validation_smaller(const RunSetup& setup, std::int64_t clips, const std::string& what) {
    const std::string limit = free_what_is_cached(setup.model->device());
    if (clips <= 1) throw out_of_memory(what, limit);
    return cat("a validation ran out of memory (", limit, ") with ", clips, " clips at a time: from now on ",
               (clips + 1) / 2, ". For the next run lower datasets.val.batch_size in ", setup.config.yaml);
}

std::string make_steps_smaller(RunSetup& setup, Step& step, std::int64_t clips, const std::string& what) {
    Config& config = setup.config;
    const std::string limit = free_what_is_cached(setup.model->device());
    const std::int64_t parts = std::min(config.accumulation, clips);
    if (parts < clips) {
        config.accumulation = setup.own.accumulation = 2 * parts;
        const std::int64_t now = std::min(2 * parts, clips);
        return cat("a step ran out of memory (", limit, "): from now on a batch is computed in ", 2 * parts,
                   " parts instead of ", parts, ", here ", (clips + now - 1) / now, " of ", clips,
                   " clips at a time",
                   config.step.form.objective == nets::Objective::dlas
                       ? "; each is averaged on its own, as DLAS does"
                       : ", with the same result",
                   ". For the next run set gradient_accumulation_size ", 2 * parts,
                   " (train.mega_batch_factor in ", config.yaml, ")");
    }
    if (!step.options().checkpointing && config.checkpointing == Checkpointing::automatic) {
        step.set_checkpointing(true);
        return cat("a step ran out of memory (", limit,
                   ") with one clip at a time: gradient checkpointing is on from now on");
    }
    throw out_of_memory(what, limit);
}

}  // namespace testudo::training
