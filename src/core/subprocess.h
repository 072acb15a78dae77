#pragma once
// Other programs, without a shell.
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

// A program that runs beside ours, in a process group of its own (Ctrl-C does not reach it). It reads
// nothing, its output goes nowhere, its errors to our standard error. `variables` are set in its environment
// beside ours. Throws Error(environment) as run_program when it cannot be started.
class ChildProgram {
  public:
    ChildProgram(const std::string& program, const std::vector<std::string>& arguments,
                 const std::vector<std::pair<std::string, std::string>>& variables,
                 const std::string& remedy);
    ~ChildProgram();  // ends it when it still runs and was not left
    ChildProgram(ChildProgram&& other) noexcept;
    ChildProgram(const ChildProgram&) = delete;
    ChildProgram& operator=(const ChildProgram&) = delete;

    pid_t process() const { return process_; }
    std::optional<int> ended();      // exit code, or 128 + signal; nothing while it runs
    void leave() { process_ = -1; }  // it may outlive us: nothing more is known of it

  private:
    pid_t process_;
    std::optional<int> ended_;
};

}  // namespace testudo
