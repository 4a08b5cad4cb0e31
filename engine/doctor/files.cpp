// Checks of limits on files and memory, and of the journal's disk.
#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <limits>

#include "engine/check/machine.hpp"
#include "engine/config/units.hpp"
#include "engine/delivery/journal_directory.hpp"
#include "engine/doctor/check.hpp"

namespace sluice::doctor {
namespace {

// Beside connections: listeners, sinks, rings, files of the journal.
constexpr std::uint64_t other_descriptors_count = 1024;

std::uint64_t wanted_descriptors(const config::Config& config) {
    return config.http.connections_count_max * config.cores.size() + other_descriptors_count;
}
std::string at_least_text(std::uint64_t count) { return "at least " + std::to_string(count); }

Finding descriptors(const Facts& facts) {
    const std::uint64_t wanted = wanted_descriptors(facts.config), found = facts.host.descriptors_count_max;
    const bool has_no_limit = found == std::numeric_limits<std::uint64_t>::max();
    return judged(found >= wanted, State::warn, has_no_limit ? "no limit" : std::to_string(found),
                  at_least_text(wanted));
}

Finding locked_memory(const Facts& facts) {
    const std::uint64_t needed = check::locked_bytes_needed(facts.config), found = facts.host.locked_bytes_max;
    const std::string wanted = "at least " + config::format_size(needed);
    if (facts.host.may_lock_memory) return {State::ok, "not bound by the limit (CAP_IPC_LOCK)", wanted};
    if (found == std::numeric_limits<std::uint64_t>::max()) return {State::ok, "no limit", wanted};
    return judged(found >= needed, State::warn, config::format_size(found), wanted);
}

Finding open_max(const Facts& facts) {
    return at_least(facts.host, "/proc/sys/fs/nr_open", wanted_descriptors(facts.config), State::warn);
}
Finding file_max(const Facts& facts) {
    return at_least(facts.host, "/proc/sys/fs/file-max", wanted_descriptors(facts.config), State::warn);
}

Finding directory(const Facts& facts) {
    const DirectoryOutlook outlook = journal_directory_outlook(facts.config);
    if (outlook.sentence.empty()) return {State::ok, "is there"};
    return {outlook.can_start ? State::warn : State::fault, outlook.sentence};
}

struct Mount {
    std::string device, kind, options;
};

bool is_below(const std::string& path, const std::string& folder) {
    return folder == "/" || path == folder || path.starts_with(folder + "/");
}

// The mount that holds the journal: the longest place that its path begins with; of equal ones the last.
std::optional<Mount> mount_of(const Facts& facts) {
    const auto text = facts.host.read("/proc/self/mounts");
    std::optional<Mount> found;
    std::size_t longest = 0;
    for (const std::string& line : lines_of(text.value_or(""))) {
        const auto words = words_of(line);
        if (words.size() < 4 || !is_below(journal_directory_of(facts.config), words[1])) continue;
        if (words[1].size() < longest) continue;
        longest = words[1].size();
        found = Mount{words[0], words[2], words[3]};
    }
    return found;
}

Finding file_system(const Facts& facts) {
    const auto mount = mount_of(facts);
    if (!mount) return unknown("/proc/self/mounts does not tell");
    constexpr std::array lossy = {"tmpfs", "ramfs", "overlay"};
    if (std::ranges::find(lossy, mount->kind) != lossy.end()) return {State::fault, mount->kind};
    return judged(mount->kind == "ext4" || mount->kind == "xfs", State::warn, mount->kind);
}

Finding mount_options(const Facts& facts) {
    const auto mount = mount_of(facts);
    if (!mount) return unknown("/proc/self/mounts does not tell");
    const std::string options = "," + mount->options + ",";
    const bool is_fault = options.contains(",nobarrier,") || options.contains(",barrier=0,");
    if (is_fault) return {State::fault, mount->options};
    return judged(!options.contains(",data=writeback,"), State::warn, mount->options);
}

Finding free_space(const Facts& facts) {
    if (!facts.host.journal_disk) return unknown("the directory is not there");
    const std::uint64_t wanted = facts.config.journal.total_bytes_max / 10 * 11;
    const std::uint64_t found = facts.host.journal_disk->free_bytes;
    return judged(found >= wanted, State::warn, std::to_string(found >> 20U) + " MiB",
                  at_least_text(wanted >> 20U) + " MiB, or what of the journal is full already");
}

Finding free_inodes(const Facts& facts) {
    if (!facts.host.journal_disk) return unknown("the directory is not there");
    if (facts.host.journal_disk->inodes_count == 0) return {State::ok, "no fixed number"};
    return judged(facts.host.journal_disk->free_inodes_count >= 1000, State::warn,
                  std::to_string(facts.host.journal_disk->free_inodes_count));
}

Finding sync_time(const Facts&) { return unknown("not measured: that writes, and this command only reads"); }

// /sys/class/block/sda1 has its queue beside it, a whole disk below it.
Finding write_cache(const Facts& facts) {
    const auto mount = mount_of(facts);
    if (!mount || !mount->device.starts_with("/dev/")) return unknown("no disk is shown for the directory");
    const std::string folder = "/sys/class/block/" + mount->device.substr(5);
    for (const char* const queue : {"/queue/", "/../queue/"})
        if (const auto cache = facts.host.read(folder + queue + "write_cache"))
            return {State::ok, *cache + ", fua " + facts.host.read(folder + queue + "fua").value_or("not known")};
    return unknown("no cache is shown for " + mount->device);
}

// proc_locks(5): ID: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE START END, the device in hexadecimal.
Finding lock(const Facts& facts) {
    const auto text = facts.host.read("/proc/locks");
    if (!text || !facts.host.journal_disk) return unknown("no directory, or no list of locks");
    const DiskFigures& disk = *facts.host.journal_disk;
    char holder[64];
    std::snprintf(holder, sizeof holder, "%02x:%02x:%" PRIu64, disk.device_major, disk.device_minor, disk.inode_number);
    for (const std::string& line : lines_of(*text)) {
        const auto words = words_of(line);
        if (words.size() > 5 && words[5] == holder) return {State::warn, "process " + words[4] + " has it"};
    }
    return {State::ok, "nobody has it"};
}

constexpr Check file_table[] = {
    {"limits.descriptors", "Open files", "one for each connection, and 1024",
     "Without a descriptor no connection is taken.", "systemctl edit sluice: LimitNOFILE=1048576", Needs::config,
     descriptors},
    {"limits.locked_memory", "Locked memory", "what the rings need", "Without it io_uring is not available.",
     "systemctl edit sluice: LimitMEMLOCK=infinity", Needs::config, locked_memory},
    {"limits.open_max", "fs.nr_open", "one for each connection, and 1024", "It bounds the limit on open files.",
     "sysctl -w fs.nr_open=1048576", Needs::config, open_max},
    {"limits.file_max", "fs.file-max", "one for each connection, and 1024",
     "It bounds the open files of all processes.", "sysctl -w fs.file-max=2097152", Needs::config, file_max},
    {"journal.directory", "Journal: directory", "is there", "Without it the engine does not start.",
     "install -d -m 0700 -o sluice /var/lib/sluice", Needs::journal, directory},
    {"journal.file_system", "Journal: file system", "ext4 or xfs",
     "What is on tmpfs or overlay is lost with the machine or the container.", "mount a disk with ext4 or xfs there",
     Needs::journal, file_system},
    {"journal.mount_options", "Journal: mount options", "no nobarrier, no data=writeback",
     "Without barriers a power failure loses what was acknowledged.", "mount -o remount,barrier=1 /var/lib/sluice",
     Needs::journal, mount_options},
    {"journal.free_space", "Journal: free space", "journal.size_max and 10 %",
     "On a full disk the engine refuses samples.", "free space, or lower the journal's size", Needs::journal,
     free_space},
    {"journal.free_inodes", "Journal: free inodes", "at least 1000", "Each segment is a file.", "remove small files",
     Needs::journal, free_inodes},
    {"journal.sync_time", "Journal: time of fdatasync", "p99 below 20 ms",
     "Each acknowledgement of a journaled sample waits for one.",
     "fio --name=sync --rw=write --bs=4k --size=1m --fdatasync=1 --directory=/var/lib/sluice", Needs::journal,
     sync_time},
    {"journal.write_cache", "Journal: cache of the disk", "told",
     "A cache that is not protected, and that ignores flushes, loses data at a power failure.", "hdparm -W 0 /dev/sda",
     Needs::journal, write_cache},
    {"journal.lock", "Journal: lock", "nobody has it", "A second engine with the same journal does not start.",
     "stop the other engine, or give this one a directory of its own", Needs::journal, lock},
};

}  // namespace

std::span<const Check> file_checks() { return file_table; }

}  // namespace sluice::doctor
