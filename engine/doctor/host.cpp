#include "engine/doctor/host.hpp"

#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

#include "engine/core/clock.hpp"
#include "engine/io/backend.hpp"

namespace sluice::doctor {
namespace {

constexpr unsigned ipc_lock_bit = 14;  // CAP_IPC_LOCK, linux/capability.h

std::string release_of_kernel() {
    utsname name{};
    return ::uname(&name) == 0 ? std::string(name.release) : std::string();
}

std::uint64_t descriptors_limit() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

// With modes 0 the clock is read only.
std::optional<ClockState> clock_state() {
    timex state{};
    const int code = ::adjtimex(&state);
    if (code < 0) return std::nullopt;
    return ClockState{code != TIME_ERROR && (state.status & STA_UNSYNC) == 0,
                      static_cast<std::uint64_t>(state.maxerror)};
}

std::optional<DiskFigures> disk_of(const std::string& directory) {
    struct statvfs disk{};
    struct stat entry{};
    if (directory.empty() || ::statvfs(directory.c_str(), &disk) != 0 || ::stat(directory.c_str(), &entry) != 0)
        return std::nullopt;
    return DiskFigures{.free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize,
                       .free_inodes_count = disk.f_favail,
                       .inodes_count = disk.f_files,
                       .inode_number = entry.st_ino,
                       .device_major = major(entry.st_dev),
                       .device_minor = minor(entry.st_dev)};
}

bool is_random_ready() {
    unsigned char byte = 0;
    return ::getrandom(&byte, 1, GRND_NONBLOCK) == 1;
}

bool has_ipc_lock(const Host& host) {
    const std::string text = host.field("/proc/self/status", "CapEff").value_or("0");
    std::uint64_t bits = 0;
    std::from_chars(text.data(), text.data() + text.size(), bits, 16);
    return ((bits >> ipc_lock_bit) & 1U) != 0;
}

}  // namespace

std::optional<std::string> Host::read(const std::string& path) const {
    std::ifstream file(root + path);
    if (!file) return std::nullopt;
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (file.bad()) return std::nullopt;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
}

std::optional<std::uint64_t> Host::number(const std::string& path) const {
    const auto text = read(path);
    if (!text) return std::nullopt;
    const auto words = words_of(*text);
    return words.empty() ? std::nullopt : number_of(words.front());
}

std::vector<std::string> Host::names(const std::string& path) const {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(root + path, error), end; !error && entry != end;
         entry.increment(error))
        names.push_back(entry->path().filename().string());
    std::ranges::sort(names);
    return names;
}

std::optional<std::string> Host::field(const std::string& path, const std::string& name) const {
    const auto text = read(path);
    if (!text) return std::nullopt;
    for (const std::string& line : lines_of(*text)) {
        if (!line.starts_with(name + ":")) continue;
        const std::size_t begin = line.find_first_not_of(" \t", name.size() + 1);
        return begin == std::string::npos ? std::string() : line.substr(begin);
    }
    return std::nullopt;
}

std::optional<std::uint32_t> Host::mode(const std::string& path) const {
    struct stat entry{};
    if (::stat(path.c_str(), &entry) != 0) return std::nullopt;
    return entry.st_mode & 07777U;
}

Host Host::of_process(const std::string& journal_directory) {
    Host host;
    host.kernel_release = release_of_kernel();
    host.descriptors_count_max = descriptors_limit();
    host.locked_bytes_max = io::locked_bytes_limit();
    host.may_lock_memory = has_ipc_lock(host);
    host.has_entropy = is_random_ready();
    if (const auto works = io::try_io_uring(); !works) host.io_uring_problem = works.error().sentence;
    host.clock = clock_state();
    host.journal_disk = disk_of(journal_directory);
    host.now_s = unix_ns() / 1'000'000'000;
    return host;
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    return {std::istream_iterator<std::string>(stream), std::istream_iterator<std::string>()};
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

std::optional<std::uint64_t> number_of(const std::string& text) {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && stop == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace sluice::doctor
