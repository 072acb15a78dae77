#pragma once
// Memory for training on a CPU. Steps free and take again the same hundreds of megabytes; with malloc each
// round is paid for in page faults, which cost more than the arithmetic on small models. Large tensors come
// from one reserved range instead: huge pages where the system has them, never given back while the program
// runs.
#include <cstdint>
#include <exception>

namespace testudo::training {

// From now on, for all large CPU tensors of this process; later calls do nothing. False: the system refused
// the reservation or limits addresses, and libtorch's own allocator stays.
bool use_training_allocator();

struct ArenaUse {
    std::int64_t used = 0, touched = 0;  // bytes now; most ever used
};
ArenaUse arena_use();

// Whether what was thrown means that the memory of this machine or of a device did not suffice. Not of an
// Error that says so in libtorch's words: its cause was dealt with.
bool is_out_of_memory(const std::exception& error);

}  // namespace testudo::training
