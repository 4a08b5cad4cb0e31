#include "engine/tls/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/core/descriptor.hpp"
#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"

namespace sluice::tls {
namespace {

using Text = std::expected<std::string, std::string>;

std::string name_of(const std::string& path, const std::string& what) {
    std::string name = what + " ";
    append_escaped(name, path, limits::directory_path_bytes_max);
    return name;
}

// Never waits: a pipe is read as far as it goes.
Text read_all(const Descriptor& file, const std::string& name) {
    std::string text(limits::tls_file_bytes_max + 1, '\0');
    std::size_t read_bytes = 0;
    while (read_bytes < text.size()) {  // ends: each turn reads something, or returns
        const ssize_t result = ::read(file.get(), text.data() + read_bytes, text.size() - read_bytes);
        if (result < 0 && errno == EINTR) continue;
        if (result < 0) return std::unexpected(name + " cannot be read: " + std::strerror(errno));
        if (result == 0) break;
        read_bytes += static_cast<std::size_t>(result);
    }
    if (read_bytes == text.size()) return std::unexpected(name + " holds more than 1 MiB");
    text.resize(read_bytes);
    return text;
}

bool is_open_to_all(const Descriptor& file) {
    struct stat status{};
    return ::fstat(file.get(), &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH)) != 0;
}

Text read(const std::string& path, const std::string& what, bool must_be_private) {
    const std::string name = name_of(path, what);
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open()) return std::unexpected(name + " cannot be opened: " + std::strerror(errno));
    if (must_be_private && is_open_to_all(file))
        return std::unexpected(name + " can be read or written by every user of this machine; chmod o-rw mends that");
    return read_all(file, name);
}

FileStamp stamp_of(const std::string& path) {
    struct stat status{};
    if (path.empty() || ::stat(path.c_str(), &status) != 0) return {};
    return {status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec, status.st_ino,
            static_cast<std::uint64_t>(status.st_size)};
}

}  // namespace

std::vector<FileStamp> stamps_of(const Settings& settings) {
    std::vector<FileStamp> stamps{stamp_of(settings.pair.certificate), stamp_of(settings.pair.key),
                                  stamp_of(settings.client_ca), stamp_of(settings.crl)};
    for (const PairFiles& pair : settings.more) {
        stamps.push_back(stamp_of(pair.certificate));
        stamps.push_back(stamp_of(pair.key));
    }
    return stamps;
}

Text read_file(const std::string& path, const std::string& what) { return read(path, what, false); }

Text read_key_file(const std::string& path) { return read(path, "the key file", true); }

}  // namespace sluice::tls
