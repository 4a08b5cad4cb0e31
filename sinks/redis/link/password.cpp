#include "sinks/redis/link/password.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "engine/core/control_character.hpp"
#include "engine/core/descriptor.hpp"
#include "engine/core/limits.hpp"
#include "sinks/redis/resp/error_class.hpp"

namespace sluice::sinks::redis {
namespace {

// Room for one byte more than a password and its line end, so that a longer file is noticed.
using Bytes = std::array<char, limits::credential_bytes_max + 3>;

// Reads to the end of the file, or until `bytes` are full. Never waits: a pipe or a device is read as far as it goes.
std::expected<std::string_view, int> read_file(const std::string& path, Bytes& bytes) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open()) return std::unexpected(errno);
    std::size_t read_bytes = 0;
    while (read_bytes < bytes.size()) {  // ends: each turn reads something, or returns
        const ssize_t result = ::read(file.get(), bytes.data() + read_bytes, bytes.size() - read_bytes);
        if (result < 0 && errno == EINTR) continue;
        if (result < 0) return std::unexpected(errno);
        if (result == 0) break;
        read_bytes += static_cast<std::size_t>(result);
    }
    return std::string_view(bytes.data(), read_bytes);
}

// Editors and `echo` end a file with a line end.
std::string_view without_line_end(std::string_view text) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
}

}  // namespace

std::expected<std::string, std::string> password_of(const RedisSettings& settings) {
    if (settings.password_file.empty()) return settings.password;
    const std::string name = "the password file " + printable(settings.password_file);
    Bytes bytes;
    const auto text = read_file(settings.password_file, bytes);
    if (!text) return std::unexpected(name + " cannot be read: " + std::strerror(text.error()));
    const std::string_view password = without_line_end(*text);
    if (password.empty()) return std::unexpected(name + " is empty");
    if (password.size() > limits::credential_bytes_max)
        return std::unexpected(name + " holds more than " + std::to_string(limits::credential_bytes_max) + " bytes");
    if (has_control_character(password))
        return std::unexpected(name + " holds more than one line, or a control character");
    return std::string(password);
}

bool is_open_to_all(const std::string& file) {
    struct stat status{};
    return !file.empty() && ::stat(file.c_str(), &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH)) != 0;
}

}  // namespace sluice::sinks::redis
