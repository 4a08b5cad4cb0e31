// Checks of the kernel, of memory and of the clock.
#include <cstdio>
#include <utility>

#include "engine/config/units.hpp"
#include "engine/doctor/check.hpp"

namespace sluice::doctor {
namespace {

using config::IoBackend;

State unless_epoll(const Facts& facts) {
    if (facts.config.io.backend == IoBackend::epoll) return State::ok;
    return facts.config.io.backend == IoBackend::io_uring ? State::fault : State::warn;
}

Finding kernel_version(const Facts& facts) {
    int major = 0, minor = 0;
    if (std::sscanf(facts.host.kernel_release.c_str(), "%d.%d", &major, &minor) != 2)
        return unknown("the kernel's release is not known");
    const std::pair version(major, minor);
    if (version >= std::pair(6, 1)) return {State::ok, facts.host.kernel_release};
    const bool is_too_old = version < std::pair(5, 19) && facts.config.io.backend != IoBackend::epoll;
    return {is_too_old ? State::fault : State::warn, facts.host.kernel_release};
}

Finding io_uring_disabled(const Facts& facts) {
    const auto value = facts.host.number("/proc/sys/kernel/io_uring_disabled");
    if (!value) return unknown("this kernel has no such setting");
    return judged(*value == 0, unless_epoll(facts), std::to_string(*value));
}

Finding io_uring_works(const Facts& facts) {
    if (facts.host.io_uring_problem.empty()) return {State::ok, "a request went through a ring"};
    return {unless_epoll(facts), facts.host.io_uring_problem};
}

Finding seccomp(const Facts& facts) {
    const auto value = facts.host.field("/proc/self/status", "Seccomp");
    if (!value) return unknown("/proc/self/status does not tell");
    if (*value == "0") return {State::ok, "no filter"};
    return judged(
        facts.host.io_uring_problem.empty(), unless_epoll(facts),
        "a filter (mode " + *value + ")" + (facts.host.io_uring_problem.empty() ? ", which allows io_uring" : ""));
}

Finding huge_pages(const Facts& facts) {
    const auto text = facts.host.read("/sys/kernel/mm/transparent_hugepage/enabled");
    if (!text) return unknown("this kernel does not tell");
    return judged(!text->contains("[always]"), State::warn, *text);
}

Finding swap_used(const Facts& facts) {
    const auto total = facts.host.field("/proc/meminfo", "SwapTotal");
    const auto free = facts.host.field("/proc/meminfo", "SwapFree");
    if (!total || !free) return unknown("/proc/meminfo does not tell");
    return judged(*total == *free, State::warn, *free + " free of " + *total);
}

Finding swappiness(const Facts& facts) {
    const auto value = facts.host.number("/proc/sys/vm/swappiness");
    if (!value) return unknown("/proc/sys/vm/swappiness cannot be read");
    return judged(*value <= 10, State::warn, std::to_string(*value));
}

Finding clock_source(const Facts& facts) {
    const auto text = facts.host.read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    if (!text) return unknown("/sys does not tell");
    return judged(*text == "tsc" || *text == "kvm-clock" || *text == "arch_sys_counter", State::warn, *text);
}

Finding clock_synchronised(const Facts& facts) {
    if (!facts.host.clock) return unknown("adjtimex is refused");
    const auto& clock = *facts.host.clock;
    const std::string error = "error at most " + std::to_string(clock.error_us_max / 1000) + " ms";
    if (!clock.is_synchronised) return {State::warn, "not synchronised, " + error};
    return judged(clock.error_us_max < 100'000, State::warn, "synchronised, " + error);
}

Finding entropy(const Facts& facts) {
    return judged(facts.host.has_entropy, State::fault, facts.host.has_entropy ? "ready" : "not ready");
}

// Bodies, receive buffers and batches: what is allocated by the configuration.
std::uint64_t needed_bytes(const config::Config& config) {
    const std::uint64_t per_reactor = config.http.body_memory_bytes +
                                      config.io.receive_buffer_bytes * config.io.receive_buffers_count +
                                      config.batch.arena_bytes * config.batch.count;
    return per_reactor * config.cores.size();
}

Finding memory_limit(const Facts& facts) {
    const std::uint64_t wanted_bytes = needed_bytes(facts.config) / 2 * 3;
    const std::string wanted = "at least " + std::to_string(wanted_bytes >> 20U) + " MiB";
    const auto text = facts.host.read("/sys/fs/cgroup/memory.max");
    if (!text) return unknown("/sys/fs/cgroup/memory.max is not there");
    if (*text == "max") return {State::ok, "no limit", wanted};
    const auto value = number_of(*text);
    if (!value) return unknown(*text);
    return judged(*value >= wanted_bytes, State::warn, std::to_string(*value >> 20U) + " MiB", wanted);
}

constexpr Check kernel_table[] = {
    {"kernel.version", "Kernel version", "6.1 or newer", "Older kernels lack parts of io_uring, and mends of it.",
     "apt-get install linux-image-amd64", Needs::config, kernel_version},
    {"kernel.io_uring_disabled", "io_uring is allowed", "0", "With 1 or 2 the engine falls back to epoll.",
     "sysctl -w kernel.io_uring_disabled=0", Needs::config, io_uring_disabled},
    {"kernel.io_uring", "io_uring works", "a request goes through a ring",
     "Without it the engine falls back to epoll, or does not start with io.backend = \"io_uring\".",
     "allow the calls io_uring_setup, io_uring_enter and io_uring_register in the container's seccomp profile",
     Needs::config, io_uring_works},
    {"kernel.seccomp", "Filter of system calls", "none, or one that allows io_uring",
     "Container runtimes forbid io_uring by default.", "docker run --security-opt seccomp=profile.json", Needs::config,
     seccomp},
    {"memory.huge_pages", "Transparent huge pages", "madvise or never",
     "With always, latency rises while pages are merged, and Redis' fork copies more.",
     "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled", Needs::nothing, huge_pages},
    {"memory.swap", "Swap in use", "none in use", "A page that was swapped out stops a reactor until it is read.",
     "swapoff -a", Needs::nothing, swap_used},
    {"memory.swappiness", "Readiness to swap", "10 or less", "A high value swaps out memory that is in use.",
     "sysctl -w vm.swappiness=1", Needs::nothing, swappiness},
    {"memory.limit", "Memory limit of the cgroup", "1.5 times what the configuration needs",
     "At the limit the kernel kills the process.", "systemctl set-property sluice.service MemoryMax=4G", Needs::config,
     memory_limit},
    {"clock.source", "Clock source", "tsc", "Others make each reading of the clock a system call.",
     "boot with clocksource=tsc", Needs::nothing, clock_source},
    {"clock.synchronised", "Clock is synchronised", "synchronised, error below 100 ms",
     "Samples without a time get the one of this clock, and bounds of age compare with it.",
     "systemctl enable --now chrony", Needs::nothing, clock_synchronised},
    {"kernel.entropy", "Random numbers", "ready", "Until they are there, the start waits.", "install rng-tools",
     Needs::nothing, entropy},
};

}  // namespace

std::span<const Check> kernel_checks() { return kernel_table; }

}  // namespace sluice::doctor
