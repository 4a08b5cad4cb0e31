#include "engine/core/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace sluice {

// open(2) takes the lowest free number, and those below `fd` are open by then.
void open_standard_descriptors() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(fd, F_GETFD) < 0) static_cast<void>(::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY));
}

bool print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return is_stdout_written();
}

// The stream remembers a write that failed earlier (ferror()).
bool is_stdout_written() { return std::fflush(stdout) == 0 && std::ferror(stdout) == 0; }

}  // namespace sluice
