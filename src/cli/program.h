#pragma once
// The program `testudo`: verbs over the library; the only place that catches errors and turns them into exit
// codes.

namespace testudo::cli {

// Returns the exit code: 0 done, 1 a defect, 2 usage, 3 input, 4 environment, 5 training diverged, 130
// interrupted.
int run(int argc, char** argv);

}  // namespace testudo::cli
