#include "tools/load/report/output_file.hpp"

#include <cerrno>

namespace sluice::load {

std::expected<OutputFile, std::error_code> OutputFile::create(const std::string& path) {
    std::FILE* stream = path == "-" ? stdout : std::fopen(path.c_str(), "we");  // e: close-on-exec
    if (stream == nullptr) return std::unexpected(std::error_code(errno, std::generic_category()));
    return OutputFile(stream);
}

std::error_code OutputFile::close() {
    std::FILE* const stream = stream_.release();
    errno = 0;
    const bool had_failed = std::ferror(stream) != 0;
    const bool failed = (stream == stdout ? std::fflush(stream) : std::fclose(stream)) != 0;
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

}  // namespace sluice::load
