#include "engine/delivery/journal_directory.hpp"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "engine/core/error_text.hpp"
#include "engine/log/log.hpp"
#include "sinks/journal/posix_file_system.hpp"

namespace sluice {
namespace {

using sinks::journal::parent_of;

std::string sentence_of(const std::string& directory, std::errc error) {
    const std::string beginning = "journal " + directory + ": ";
    struct stat parent{};
    // Where the parent is there, its file system makes no directories, such as /proc.
    if (error == std::errc::no_such_file_or_directory && ::stat(parent_of(directory).c_str(), &parent) != 0)
        return beginning + "its parent " + parent_of(directory) +
               " does not exist, and only the directory itself is made";
    return beginning + "cannot be made: " + text_of(error);
}

// Whoever may write there: nobody makes a directory in it.
bool is_of_the_kernel(const std::string& folder) {
    struct statfs status{};
    if (::statfs(folder.c_str(), &status) != 0) return false;
    return status.f_type == PROC_SUPER_MAGIC || status.f_type == SYSFS_MAGIC;
}

}  // namespace

const std::string& journal_directory_of(const config::Config& config) {
    return config.sink.url.kind == config::SinkKind::journal ? config.sink.url.path : config.journal.directory;
}

std::expected<void, std::string> make_journal_directory(const config::Config& config) {
    const std::string& directory = journal_directory_of(config);
    if (directory.empty()) return {};
    const auto made = sinks::journal::make_directory(directory);
    if (!made) return std::unexpected(sentence_of(directory, made.error()));
    if (*made) log::info("journal_directory_made", {{"directory", directory}, {"mode", "0700"}});
    return {};
}

DirectoryOutlook journal_directory_outlook(const config::Config& config) {
    const std::string& directory = journal_directory_of(config);
    struct stat status{};
    if (directory.empty()) return {};
    if (::stat(directory.c_str(), &status) == 0) {
        if (!S_ISDIR(status.st_mode)) return {false, "journal " + directory + ": is no directory"};
        if (::access(directory.c_str(), R_OK | W_OK | X_OK) == 0) return {};
        return {false, "journal " + directory + ": this user may not write there"};
    }
    if (errno != ENOENT) return {false, sentence_of(directory, static_cast<std::errc>(errno))};
    if (::access(parent_of(directory).c_str(), W_OK | X_OK) != 0)
        return {false, sentence_of(directory, static_cast<std::errc>(errno))};
    if (is_of_the_kernel(parent_of(directory)))
        return {false, "journal " + directory + ": cannot be made: " + parent_of(directory) + " takes no directories"};
    return {true, "journal " + directory + ": does not exist; a start makes it, with mode 0700"};
}

}  // namespace sluice
