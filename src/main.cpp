#include "cli/program.h"

int main(int argc, char** argv) { return testudo::cli::run(argc, argv); }
