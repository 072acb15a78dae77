#pragma once
// Event files of TensorBoard: TFRecord framing (tensorflow/core/lib/io/record_writer.h: length, masked
// CRC-32C of it, data, masked CRC-32C) around protocol buffers (tensorflow/core/util/event.proto), scalars
// only. Records are made as bytes: whoever has a file appends them.
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "training/metric_table.h"

namespace testudo::training {

// CRC-32C (Castagnoli; RFC 3720).
std::uint32_t crc32c(std::string_view bytes);

// events.out.tfevents.<seconds>.<host>.<process>.<count>: a name that no other writer has.
std::string tensorboard_file_name(double time);

std::string tensorboard_version(double time);  // the first record of a file
// From here on: what earlier records and files hold of `step` and later ones is void.
std::string tensorboard_restart(double time, std::int64_t step);
using Scalar = std::pair<std::string, double>;  // tag, value; kept in single precision
std::string tensorboard_scalars(double time, std::int64_t step, std::span<const Scalar> scalars);

// A row under the names that the original gives: loss_text_ce, loss_mel_ce, loss_gpt_total,
// learning_rate_gpt_0 and _1 (its two parameter groups), iteration_rate (seconds a clip), and with val_
// before the name those of a validation; what the original has not under our own names.
std::vector<Scalar> tensorboard_names(const MetricRow& row, const std::vector<std::string>& columns);

std::string to_tensorboard(const MetricTable& table);  // a whole file

}  // namespace testudo::training
