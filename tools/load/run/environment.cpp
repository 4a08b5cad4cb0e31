#include "tools/load/run/environment.hpp"

#include <arpa/inet.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "tools/load/plan/secrets.hpp"

namespace sluice::load {
namespace {

namespace fs = std::filesystem;

std::string cpu_model() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name")) return line.substr(std::min(line.find(':') + 2, line.size()));
    return {};
}

// The inode of the socket that listens on `port`, from the kernel's table (proc(5), /proc/net/tcp); empty if there is
// none.
std::string listener_inode(const char* table, std::uint16_t port) {
    constexpr const char* listening = "0A";
    char wanted[8];
    std::snprintf(wanted, sizeof wanted, ":%04X", port);
    std::ifstream file(table);
    std::string line;
    std::getline(file, line);  // column names
    while (std::getline(file, line)) {
        std::istringstream fields(line);
        std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
        fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
        if (state == listening && local.ends_with(wanted)) return inode;
    }
    return {};
}

bool holds_socket(const fs::path& process, const std::string& link) {
    std::error_code error;
    for (fs::directory_iterator entry(process / "fd", error), end; !error && entry != end; entry.increment(error)) {
        std::error_code unreadable;
        if (fs::read_symlink(entry->path(), unreadable) == link) return true;
    }
    return false;
}

// proc(5): each word ends with a null byte.
std::string command_line_of(const fs::path& process) {
    std::ifstream file(process / "cmdline", std::ios::binary);
    std::vector<std::string> words;
    for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
    return shown_command_line(words);
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

std::string server_command_line(const Target& target) {
    if (!is_loopback(target.host)) return {};
    std::string inode = listener_inode("/proc/net/tcp", target.port);
    if (inode.empty()) inode = listener_inode("/proc/net/tcp6", target.port);
    if (inode.empty()) return {};
    std::error_code error;
    for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename();
        const bool is_process = std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (is_process && holds_socket(entry->path(), "socket:[" + inode + "]")) return command_line_of(entry->path());
    }
    return {};
}

}  // namespace

Environment environment_of(const Target& target, std::span<const std::string> command_line) {
    utsname system{};
    ::uname(&system);
    Environment environment;
    environment.version = SLUICE_VERSION;
    environment.commit = SLUICE_COMMIT;
    environment.host = system.nodename;
    environment.cpu = cpu_model();
    environment.kernel = std::string(system.sysname) + " " + system.release;
    environment.cores_count = std::thread::hardware_concurrency();
    environment.command_line = shown_command_line(command_line);
    environment.server_command_line = server_command_line(target);
    return environment;
}

}  // namespace sluice::load
