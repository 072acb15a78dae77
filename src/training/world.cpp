#include "training/world.h"

#include <ATen/ATen.h>

#include <charconv>
#include <cstdlib>

#include "core/error.h"
#include "core/strings.h"

namespace testudo::training {

namespace {

constexpr int most_ranks = 4096, most_port = 65535;

std::string text_of(const char* name) {
    const char* value = std::getenv(name);
    return value ? trim(value) : std::string();
}

int number_of(const char* name, int least, int most, std::optional<int> fallback = {}) {
    const std::string text = text_of(name);
    if (text.empty() && fallback) return *fallback;
    int number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc() || end != text.data() + text.size() || number < least || number > most)
        throw usage_error(
            cat("the environment variable ", name,
                text.empty() ? std::string(" is not set, but WORLD_SIZE is")
                             : cat(" is \"", printable(text), "\", not ", least, " to ", most)),
            "Set WORLD_SIZE, RANK, MASTER_ADDR and MASTER_PORT on every machine as torchrun does, or "
            "unset WORLD_SIZE to train on this machine alone.");
    return number;
}

}  // namespace

std::optional<World> world_of_environment() {
    if (text_of("WORLD_SIZE").empty()) return {};
    World world;
    world.size = number_of("WORLD_SIZE", 1, most_ranks);
    if (world.size == 1) return {};
    world.rank = number_of("RANK", 0, world.size - 1);
    world.local_size = number_of("LOCAL_WORLD_SIZE", 1, world.size, 1);
    world.local_rank = number_of("LOCAL_RANK", 0, world.size - 1, 0);
    world.address = text_of("MASTER_ADDR");
    if (world.address.empty())
        throw usage_error("the environment variable MASTER_ADDR is not set, but WORLD_SIZE is",
                          "Set it to the address of the machine of rank 0.");
    world.port = static_cast<std::uint16_t>(number_of("MASTER_PORT", 1, most_port));
    world.served = text_of("TORCHELASTIC_USE_AGENT_STORE") == "True";
    if (const std::string attempt = text_of("TORCHELASTIC_RESTART_COUNT"); !attempt.empty())
        world.attempt = attempt;
    return world;
}

World world_of(const Config& config) {
    if (const auto joined = world_of_environment()) return *joined;
    World world;
    world.size = world.local_size = static_cast<int>(config.gpus);
    return world;
}

std::string device_of(const World& world, const std::string& name) {
    const bool automatic = name.empty() || name == "auto";
    if (name == "cpu" || (automatic && !at::hasCUDA())) return "cpu";
    if (!automatic && name != "cuda")
        throw usage_error(cat("several processes cannot all train on the device ", name),
                          "Choose auto, cuda or cpu: each takes the GPU of its number.");
    const int gpus = at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().getNumGPUs()) : 0;
    if (world.local_rank >= gpus)
        throw environment_error(cat("rank ", world.rank, " is number ", world.local_rank + 1,
                                    " of its machine, which has ", gpus, gpus == 1 ? " GPU" : " GPUs"),
                                "Lower gpus in train.yaml, or train on the CPU with --device cpu.");
    return cat("cuda:", world.local_rank);
}

}  // namespace testudo::training
