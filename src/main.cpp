#include <unistd.h>

#include <exception>
#include <new>

#include "cli/program.h"
#include "core/error.h"

namespace {

std::terminate_handler usual_end;

// Of what nothing catches, as it is thrown where none of us is: the libraries take some 600 MB of addresses
// before main.
void end_in_words() {
    constexpr char words[] =
        "error: not enough memory\n"
        "Raise the limit of this process (ulimit -v), or close other programs.\n";
    try {
        if (std::current_exception()) throw;
    } catch (const std::bad_alloc&) {
        (void)!::write(STDERR_FILENO, words, sizeof words - 1);
        ::_exit(static_cast<int>(testudo::ErrorKind::environment));
    } catch (...) {
    }
    usual_end();
}

void before_the_libraries(int, char**, char**) { usual_end = std::set_terminate(end_in_words); }

[[gnu::section(".preinit_array"), gnu::used]] void (*const first)(int, char**, char**) = before_the_libraries;

}  // namespace

int main(int argc, char** argv) { return testudo::cli::run(argc, argv); }
