#include "training/memory_use.h"

#include <ATen/DeviceAccelerator.h>

#include <algorithm>
#include <cmath>

#include "core/available_memory.h"

namespace testudo::training {

Json memory_use(at::Device device) {
    const double now = resident_bytes();
    Json use = {{"memory_bytes", std::llround(now)},
                {"memory_peak_bytes", std::llround(std::max(now, peak_resident_bytes()))}};
    if (device.is_cpu()) return use;
    const auto stats =
        at::accelerator::getDeviceStats(device.has_index() ? device.index() : c10::DeviceIndex{0});
    use["device_memory_bytes"] = stats.allocated_bytes[0].current;
    use["device_memory_peak_bytes"] = stats.allocated_bytes[0].peak;
    return use;
}

}  // namespace testudo::training
