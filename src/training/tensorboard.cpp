#include "training/tensorboard.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdio>

#include "core/strings.h"

namespace testudo::training {

namespace {

constexpr std::array<std::uint32_t, 256> make_crc_table() {
    constexpr std::uint32_t polynomial = 0x82f63b78;  // bits reversed
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? polynomial : 0);
        table[i] = value;
    }
    return table;
}

template <class Integer>
std::string little_endian(Integer value) {
    std::string bytes;
    for (std::size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>((value >> (8 * i)) & 255);
    return bytes;
}

std::uint32_t masked(std::uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8U; }

std::string framed(const std::string& data) {
    const std::string length = little_endian(static_cast<std::uint64_t>(data.size()));
    return length + little_endian(masked(crc32c(length))) + data + little_endian(masked(crc32c(data)));
}

// Protocol buffers: a key (field number, wire type) and a value.
enum Wire { varint_wire = 0, fixed64_wire = 1, bytes_wire = 2, fixed32_wire = 5 };

std::string varint(std::uint64_t value) {
    std::string bytes;
    for (; value >= 128; value >>= 7) bytes += static_cast<char>((value & 127) | 128);
    return bytes + static_cast<char>(value);
}

std::string key(int field, Wire wire) {
    return varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire));
}

std::string bytes_field(int field, std::string_view bytes) {
    return key(field, bytes_wire) + varint(bytes.size()) + std::string(bytes);
}

std::string event(double time, std::int64_t step, const std::string& what) {
    return framed(key(1, fixed64_wire) + little_endian(std::bit_cast<std::uint64_t>(time)) +
                  key(2, varint_wire) + varint(static_cast<std::uint64_t>(step)) + what);
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
    static constexpr auto table = make_crc_table();
    std::uint32_t crc = 0xffffffff;
    for (const char byte : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(byte)) & 255];
    return ~crc;
}

std::string tensorboard_file_name(double time) {
    static std::atomic<int> count{0};
    char host[256] = "host";
    ::gethostname(host, sizeof host - 1);
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%010lld", static_cast<long long>(time));
    return cat("events.out.tfevents.", seconds, ".", host, ".", ::getpid(), ".", count++);
}

std::string tensorboard_version(double time) { return event(time, 0, bytes_field(3, "brain.Event:2")); }

std::string tensorboard_restart(double time, std::int64_t step) {
    const std::string started = key(1, varint_wire) + varint(1);
    return event(time, step, bytes_field(7, started));
}

std::string tensorboard_scalars(double time, std::int64_t step, std::span<const Scalar> scalars) {
    std::string summary;
    for (const auto& [tag, value] : scalars)
        summary += bytes_field(1, bytes_field(1, tag) + key(2, fixed32_wire) +
                                      little_endian(std::bit_cast<std::uint32_t>(static_cast<float>(value))));
    return event(time, step, bytes_field(5, summary));
}

std::vector<Scalar> tensorboard_names(const MetricRow& row, const std::vector<std::string>& columns) {
    std::vector<Scalar> scalars;
    double seconds = std::nan(""), clips = std::nan("");
    for (std::size_t i = 0; i < std::min(columns.size(), row.values.size()); ++i) {
        const double value = row.values[i];
        if (std::isnan(value)) continue;
        const std::string& name = columns[i];
        if (row.validation) {
            scalars.emplace_back("val_" + name, value);
        } else if (name == "lr") {
            scalars.emplace_back("learning_rate_gpt_0", value);
            scalars.emplace_back("learning_rate_gpt_1", value);
        } else {
            if (name == "iteration_seconds") seconds = value;
            if (name == "clips") clips = value;
            scalars.emplace_back(name, value);
        }
    }
    if (row.epoch)
        scalars.emplace_back(row.validation ? "val_epoch" : "epoch", static_cast<double>(*row.epoch));
    if (const double each = seconds / clips; std::isfinite(each))
        scalars.emplace_back("iteration_rate", each);
    return scalars;
}

std::string to_tensorboard(const MetricTable& table) {
    double time = 0;  // of a row that does not tell its own: that of the row before
    for (const MetricRow& row : table.rows())
        if (std::isfinite(row.time)) {
            time = row.time;
            break;
        }
    std::string bytes = tensorboard_version(time);
    for (const MetricRow& row : table.rows()) {
        if (std::isfinite(row.time)) time = row.time;
        bytes += tensorboard_scalars(time, row.iteration, tensorboard_names(row, table.columns()));
    }
    return bytes;
}

}  // namespace testudo::training
