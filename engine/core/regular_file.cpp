#include "engine/core/regular_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "engine/core/descriptor.hpp"
#include "engine/core/limits.hpp"

namespace sluice {
namespace {

std::unexpected<std::string> unreadable(int error) {
    return std::unexpected("cannot be read: " + std::generic_category().message(error));
}

// /dev/null, by which a file is left out (Documentation/admin-guide/devices.txt of the kernel).
bool is_null_device(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3); }

std::string size_text(std::size_t bytes) {
    const bool is_whole = bytes % limits::mib == 0;
    return std::to_string(bytes / (is_whole ? limits::mib : limits::kib)) + (is_whole ? "MiB" : "KiB");
}

}  // namespace

std::expected<std::string, std::string> read_regular_file(const std::string& path, std::size_t bytes_max) {
    // O_NONBLOCK: else open(2) of a pipe waits for a writer.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file.is_open()) return unreadable(errno);
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) return unreadable(errno);
    if (S_ISDIR(status.st_mode)) return unreadable(EISDIR);
    if (!S_ISREG(status.st_mode) && !is_null_device(status)) return std::unexpected("is no regular file");
    std::string text(bytes_max + 1, '\0');
    std::size_t read_bytes = 0;
    while (read_bytes < text.size()) {  // ends: each turn reads something, or returns
        const ssize_t result = ::read(file.get(), text.data() + read_bytes, text.size() - read_bytes);
        if (result < 0 && errno == EINTR) continue;
        if (result < 0) return unreadable(errno);
        if (result == 0) break;
        read_bytes += static_cast<std::size_t>(result);
    }
    if (read_bytes > bytes_max) return std::unexpected("is larger than " + size_text(bytes_max));
    text.resize(read_bytes);
    return text;
}

}  // namespace sluice
