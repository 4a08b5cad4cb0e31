#include "engine/core/process_figures.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace sluice {
namespace {

using Figure = std::optional<std::uint64_t>;

constexpr std::uint64_t ns_per_s = 1'000'000'000;

// Fields of /proc/self/stat, by the numbers of proc(5).
constexpr int threads_field = 20;
constexpr int start_ticks_field = 22;
constexpr int virtual_bytes_field = 23;
constexpr int resident_pages_field = 24;

Figure positive(long number) { return number > 0 ? Figure(static_cast<std::uint64_t>(number)) : std::nullopt; }

Figure limit_of(decltype(RLIMIT_NOFILE) resource) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
    return limit.rlim_cur;
}

Figure cpu_ns() {
    timespec used{};
    if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) return std::nullopt;
    return static_cast<std::uint64_t>(used.tv_sec) * ns_per_s + static_cast<std::uint64_t>(used.tv_nsec);
}

// Less the two of a directory (. and ..) and the descriptor that reads it.
Figure open_fds_count() {
    DIR* const directory = ::opendir("/proc/self/fd");
    if (directory == nullptr) return std::nullopt;
    std::uint64_t count = 0;
    while (::readdir(directory) != nullptr) ++count;
    ::closedir(directory);
    return count < 3 ? std::nullopt : Figure(count - 3);
}

// When the kernel started, in Unix seconds: the line `btime` of /proc/stat.
Figure boot_s() {
    std::ifstream file("/proc/stat");
    for (std::string word; file >> word;) {
        std::uint64_t seconds = 0;
        if (word == "btime" && file >> seconds) return seconds;
    }
    return std::nullopt;
}

void read_stat(ProcessFigures& figures) {
    std::ifstream file("/proc/self/stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    // The second field, the program's name in parentheses, may hold anything.
    const std::size_t end_of_name = text.rfind(") ");
    if (end_of_name == std::string::npos) return;
    std::istringstream fields(text.substr(end_of_name + 2));
    std::string field;
    const Figure page_bytes = positive(::sysconf(_SC_PAGESIZE));
    const Figure ticks_per_s = positive(::sysconf(_SC_CLK_TCK));
    const Figure boot = boot_s();
    for (int number = 3; fields >> field && number <= resident_pages_field; ++number) {
        const auto value = [&field] { return std::strtoull(field.c_str(), nullptr, 10); };
        if (number == threads_field) figures.threads_count = value();
        if (number == virtual_bytes_field) figures.virtual_bytes = value();
        if (number == resident_pages_field && page_bytes) figures.resident_bytes = value() * *page_bytes;
        if (number == start_ticks_field && boot && ticks_per_s)
            figures.start_ns = *boot * ns_per_s + value() * (ns_per_s / *ticks_per_s);
    }
}

}  // namespace

ProcessFigures read_process_figures() {
    ProcessFigures figures;
    figures.cpu_ns = cpu_ns();
    figures.virtual_bytes_max = limit_of(RLIMIT_AS);
    figures.fds_count_max = limit_of(RLIMIT_NOFILE);
    figures.open_fds_count = open_fds_count();
    read_stat(figures);
    return figures;
}

}  // namespace sluice
