#pragma once
// The parameters of a TorchScript program (torch.jit.save), read without its program.
#include <filesystem>

#include "tensors/named_tensors.h"
#include "tensors/pickle.h"

namespace testudo::tensors {

// The parameters and buffers of all modules by their path, "encoder.0.weight", as in the program's state
// dict, views of the file as in pickle.h. Its classes are only names here: code, methods and constants are
// not looked at. Attributes that are no tensors are left out. Error(input) for a file that is no TorchScript
// program, and for anything damaged or hostile.
NamedTensors read_torchscript(const fs::path& path, Check check = Check::contents);

}  // namespace testudo::tensors
