#include "tools/load/report/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace sluice::load {

// Two attempts, so that it is known whether the file was there.
std::expected<OutputFile, std::error_code> OutputFile::create(const std::string& path) {
    if (path == "-") return OutputFile(stdout, {});
    int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const bool is_new = descriptor >= 0;
    if (!is_new && errno == EEXIST) descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    std::FILE* const stream = descriptor < 0 ? nullptr : ::fdopen(descriptor, "w");
    if (stream == nullptr) return std::unexpected(std::error_code(errno, std::generic_category()));
    return OutputFile(stream, is_new ? path : std::string());
}

OutputFile::~OutputFile() {
    if (stream_ != nullptr && !created_path_.empty()) std::remove(created_path_.c_str());
}

// A pipe or a device cannot be cut, and need not be.
void OutputFile::begin() {
    created_path_.clear();
    if (std::exchange(has_begun_, true) || stream_.get() == stdout) return;
    static_cast<void>(::ftruncate(::fileno(stream_.get()), 0) == 0);
}

std::error_code OutputFile::close() {
    std::FILE* const stream = stream_.release();
    if (stream == stdout) return {};
    errno = 0;
    const bool had_failed = std::ferror(stream) != 0;
    const bool failed = std::fclose(stream) != 0;
    if (!failed && !had_failed) return {};
    // The reason of an earlier failed write is no longer known.
    return {failed && errno != 0 ? errno : EIO, std::generic_category()};
}

std::string path_with_name(const std::string& path, std::string_view name) {
    const std::size_t slash = path.rfind('/');
    const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
    std::size_t dot = path.rfind('.');
    if (dot == std::string::npos || dot <= begin) dot = path.size();
    std::string named(path, 0, dot);
    named.append(".").append(name).append(path, dot);
    return named;
}

std::string plain_name(std::string_view text) {
    std::string name;
    for (const char c : text) {
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                              c == '-' || c == '_';
        name += is_plain ? c : '_';
    }
    return name;
}

}  // namespace sluice::load
