#include "training/precision.h"

namespace testudo::training {

nets::Precision precision_on(PrecisionChoice choice, bool half_precision, at::Device device) {
    switch (choice) {
        case PrecisionChoice::float32:
            return nets::Precision::float32;
        case PrecisionChoice::bfloat16:
            return nets::Precision::bfloat16;
        case PrecisionChoice::float16:
            return nets::Precision::float16;
        case PrecisionChoice::automatic:
            break;
    }
    if (!half_precision) return nets::Precision::float32;
    return device.is_cpu() ? nets::Precision::bfloat16 : nets::Precision::float16;
}

std::string precision_notice(nets::Precision precision, at::Device device) {
    if (precision == nets::Precision::float32) return {};
    std::string notice = precision == nets::Precision::bfloat16
                             ? "mixed precision: products in bfloat16, everything else in 32 bits"
                             : "mixed precision: products in float16 with losses scaled, everything else in "
                               "32 bits";
    if (device.is_cpu() && !nets::fast_precision(precision))
        notice += "; this processor does not compute in it, so training is slower than in 32 bits";
    return notice;
}

void LossScale::update(bool finite) {
    if (!finite) {
        scale /= 2;
        good_steps = 0;
    } else if (++good_steps == good_steps_to_double) {
        scale *= 2;
        good_steps = 0;
    }
}

}  // namespace testudo::training
