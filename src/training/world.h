#pragma once
// Which of the processes of one training this one is.
#include <cstdint>
#include <optional>
#include <string>

#include "training/config.h"

namespace testudo::training {

// Names as PyTorch's torchrun gives them.
struct World {
    int rank = 0, size = 1;              // over all machines; rank 0 writes what is written
    int local_rank = 0, local_size = 1;  // on this machine
    std::string address = "127.0.0.1";   // where rank 0 is met
    std::uint16_t port = 0;              // 0: rank 0 takes a free one
    bool served = false;                 // torchrun itself serves the store there
    std::string attempt = "0";           // of torchrun's restarts
    bool leads() const { return rank == 0; }
};

// From the environment: WORLD_SIZE, RANK, MASTER_ADDR, MASTER_PORT and, where there are several on a machine,
// LOCAL_RANK and LOCAL_WORLD_SIZE. Nothing without WORLD_SIZE, or when it is 1. Error(usage) naming the
// variable that is missing or wrong.
std::optional<World> world_of_environment();

// That, or the processes that a training by `config` starts on this machine (of which this may be rank 0).
World world_of(const Config& config);

// "auto", "cuda", "cpu": the device of this process; the GPUs of a machine are numbered as its ranks.
// Error(usage) for a certain GPU ("cuda:1"), Error(environment) when there are fewer GPUs than ranks.
std::string device_of(const World& world, const std::string& name);

}  // namespace testudo::training
