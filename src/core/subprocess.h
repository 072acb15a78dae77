#pragma once
// Another program, run to its end without a shell.
#include <string>
#include <string_view>
#include <vector>

namespace testudo {

struct ProgramRun {
    int code = -1;  // exit code, or 128 + signal
    std::string out, err;
};

struct ProgramLimits {
    double seconds = 120;
    std::size_t output_bytes = std::size_t{256} << 20;  // of standard output and of standard error, each
};

// Runs `program` (a path, or a name looked for in PATH) with `arguments`; `input` is what it reads. Throws
// Error(environment) when it cannot be started (`remedy` is the hint: how to get it), when it takes longer or
// writes more than allowed; Error(interrupted) when a stop is requested meanwhile. The program is ended then.
ProgramRun run_program(const std::string& program, const std::vector<std::string>& arguments,
                       std::string_view input, const std::string& remedy, const ProgramLimits& limits = {});

}  // namespace testudo
