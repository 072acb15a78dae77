#pragma once
// How much memory a training takes, for its metrics.
#include <ATen/ATen.h>

#include "core/json.h"

namespace testudo::training {

// {memory_bytes, memory_peak_bytes} of the process (resident; the peak since its start) and, on a device that
// is no CPU, {device_memory_bytes, device_memory_peak_bytes} allocated there by tensors.
Json memory_use(at::Device device);

}  // namespace testudo::training
