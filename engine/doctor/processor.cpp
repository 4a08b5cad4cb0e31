// Checks of cores, of the network card's queues and interrupts, and of NUMA.
#include <algorithm>

#include "engine/config/units.hpp"
#include "engine/doctor/check.hpp"

namespace sluice::doctor {
namespace {

const std::string cpu_folder = "/sys/devices/system/cpu/";

std::string core_folder(unsigned core) { return cpu_folder + "cpu" + std::to_string(core) + "/"; }

// Nothing: not a list of cores.
std::optional<std::vector<unsigned>> cores_of(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    const auto cores = config::parse_cores(*text);
    return cores ? std::optional(*cores) : std::nullopt;
}

Finding governor(const Facts& facts) {
    std::string others;
    bool is_known = false;
    for (const unsigned core : facts.config.cores) {
        const auto text = facts.host.read(core_folder(core) + "cpufreq/scaling_governor");
        is_known = is_known || text.has_value();
        if (text && *text != "performance") others += "core " + std::to_string(core) + ": " + *text + " ";
    }
    if (!is_known) return unknown("no governor is shown here");
    return judged(others.empty(), State::warn, others.empty() ? "performance" : others);
}

Finding allowed(const Facts& facts) {
    const auto cores = cores_of(facts.host.field("/proc/self/status", "Cpus_allowed_list"));
    if (!cores) return unknown("/proc/self/status does not tell");
    const bool has_all = std::ranges::all_of(
        facts.config.cores, [&](unsigned core) { return std::ranges::find(*cores, core) != cores->end(); });
    return judged(has_all, State::fault,
                  config::format_cores(facts.config.cores) + " of " + config::format_cores(*cores));
}

Finding isolated(const Facts& facts) {
    const auto text = facts.host.read(cpu_folder + "isolated");
    if (!text) return unknown("/sys does not tell");
    return {State::ok, text->empty() ? "no core is isolated" : *text + " are isolated"};
}

Finding siblings(const Facts& facts) {
    bool is_known = false;
    for (const unsigned core : facts.config.cores) {
        const auto same = cores_of(facts.host.read(core_folder(core) + "topology/thread_siblings_list"));
        if (!same) continue;
        is_known = true;
        for (const unsigned other : *same)
            if (other > core && std::ranges::find(facts.config.cores, other) != facts.config.cores.end())
                return {State::warn, std::to_string(core) + " and " + std::to_string(other) + " are one core"};
    }
    return is_known ? Finding{State::ok, "none share a core"} : unknown("/sys does not tell");
}

Finding quota(const Facts& facts) {
    const std::string wanted = "none, or at least " + std::to_string(facts.config.cores.size()) + " cores";
    const auto words = words_of(facts.host.read("/sys/fs/cgroup/cpu.max").value_or(""));
    if (words.size() != 2) return unknown("/sys/fs/cgroup/cpu.max is not there");
    if (words[0] == "max") return {State::ok, "none", wanted};
    const auto time_us = number_of(words[0]), period_us = number_of(words[1]);
    if (!time_us || !period_us || *period_us == 0) return unknown(words[0] + " " + words[1]);
    return judged(*time_us >= *period_us * facts.config.cores.size(), State::warn,
                  words[0] + " us in each " + words[1] + " us", wanted);
}

Finding throttled(const Facts& facts) {
    const auto text = facts.host.read("/sys/fs/cgroup/cpu.stat");
    for (const std::string& line : lines_of(text.value_or("")))
        if (const auto words = words_of(line); words.size() == 2 && words[0] == "nr_throttled")
            return judged(words[1] == "0", State::warn, words[1] + " times");
    return unknown("/sys/fs/cgroup/cpu.stat does not tell");
}

bool has_process(const Host& host, const std::string& name) {
    return std::ranges::any_of(host.names("/proc"), [&](const std::string& entry) {
        return number_of(entry) && host.read("/proc/" + entry + "/comm") == name;
    });
}

Finding irqbalance(const Facts& facts) {
    if (facts.host.names("/proc").empty()) return unknown("/proc cannot be read");
    return {State::ok, has_process(facts.host, "irqbalance") ? "runs" : "does not run"};
}

// Network cards: what has a device behind it.
std::vector<std::string> cards_of(const Host& host) {
    std::vector<std::string> cards;
    for (const std::string& name : host.names("/sys/class/net"))
        if (!host.names("/sys/class/net/" + name + "/device").empty()) cards.push_back(name);
    return cards;
}

std::size_t receive_queues(const Host& host, const std::string& card) {
    const auto names = host.names("/sys/class/net/" + card + "/queues");
    return static_cast<std::size_t>(
        std::ranges::count_if(names, [](const std::string& name) { return name.starts_with("rx-"); }));
}

Finding queues(const Facts& facts) {
    const auto cards = cards_of(facts.host);
    if (cards.empty()) return unknown("no network card is shown here");
    const std::string wanted = "at least " + std::to_string(facts.config.cores.size()) + ", one for each reactor";
    std::size_t most = 0;
    std::string found;
    for (const std::string& card : cards) {
        const std::size_t count = receive_queues(facts.host, card);
        most = std::max(most, count);
        found += (found.empty() ? "" : ", ") + card + ": " + std::to_string(count);
    }
    return judged(most >= facts.config.cores.size(), State::warn, found, wanted);
}

Finding steering(const Facts& facts) {
    std::string found;
    for (const std::string& card : cards_of(facts.host))
        if (const auto mask = facts.host.read("/sys/class/net/" + card + "/queues/rx-0/rps_cpus"))
            found += (found.empty() ? "" : ", ") + card + ": " + *mask;
    return found.empty() ? unknown("no network card is shown here") : Finding{State::ok, "rps_cpus of " + found};
}

// Interrupts of cards, by the core that each is for.
Finding interrupts(const Facts& facts) {
    std::vector<std::string> places;
    for (const std::string& card : cards_of(facts.host))
        for (const std::string& number : facts.host.names("/sys/class/net/" + card + "/device/msi_irqs"))
            if (const auto list = facts.host.read("/proc/irq/" + number + "/smp_affinity_list"))
                places.push_back(*list);
    if (places.empty()) return unknown("no interrupts of a network card are shown here");
    const std::size_t count = places.size();
    std::ranges::sort(places);
    const auto rest = std::ranges::unique(places);
    const std::size_t different = count - rest.size();
    return judged(different > 1 || facts.config.cores.size() == 1, State::warn,
                  std::to_string(count) + " interrupts on " + std::to_string(different) + " sets of cores");
}

Finding numa(const Facts& facts) {
    for (const std::string& card : cards_of(facts.host)) {
        const auto node = facts.host.read("/sys/class/net/" + card + "/device/numa_node");
        if (!node || *node == "-1") continue;
        const auto cores = cores_of(facts.host.read("/sys/devices/system/node/node" + *node + "/cpulist"));
        if (!cores) continue;
        for (const unsigned core : facts.config.cores)
            if (std::ranges::find(*cores, core) == cores->end())
                return {State::warn, card + " is on node " + *node + ", core " + std::to_string(core) + " is not"};
        return {State::ok, card + " and the cores are on node " + *node};
    }
    return unknown("no network card tells its node");
}

constexpr Check processor_table[] = {
    {"cpu.governor", "CPU governor", "performance", "Others clock down between bursts, which adds latency.",
     "cpupower frequency-set -g performance", Needs::config, governor},
    {"cpu.allowed", "Cores that may be used", "all of `cores`", "A reactor cannot be pinned to another.",
     "change `cores`, or systemctl set-property sluice.service AllowedCPUs=0-3", Needs::config, allowed},
    {"cpu.isolated", "Isolated cores", "told", "Isolated cores have no other work, so reactors are not interrupted.",
     "boot with isolcpus=2-5, and set `cores` to them", Needs::nothing, isolated},
    {"cpu.siblings", "Reactors that share a core", "none share a core",
     "Two hyper-threads have the throughput of little more than one.",
     "set `cores` to one of each pair in thread_siblings_list", Needs::config, siblings},
    {"cpu.quota", "CPU quota of the cgroup", "none, or a core for each reactor",
     "When the quota is used up, all reactors stop until the next period.",
     "systemctl set-property sluice.service CPUQuota=", Needs::config, quota},
    {"cpu.throttled", "Stops by the quota", "0 times", "Each stop is a latency of up to 100 ms.",
     "raise or remove the CPU quota", Needs::nothing, throttled},
    {"cpu.irqbalance", "irqbalance", "told", "It moves interrupts, also onto the cores of reactors.",
     "set IRQBALANCE_BANNED_CPULIST to `cores`", Needs::nothing, irqbalance},
    {"nic.queues", "Receive queues of the network card", "one for each reactor",
     "With fewer queues than reactors, some cores do the work of the network for others.", "ethtool -L eth0 combined 4",
     Needs::config, queues},
    {"nic.steering", "Receive packet steering", "told", "It spreads a card's few queues over cores.",
     "echo f > /sys/class/net/eth0/queues/rx-0/rps_cpus", Needs::nothing, steering},
    {"nic.interrupts", "Interrupts of the network card", "spread over cores",
     "Interrupts on one core make it the bound of all.", "echo 2 > /proc/irq/NUMBER/smp_affinity_list", Needs::config,
     interrupts},
    {"nic.numa", "Node of the network card", "that of the cores", "Memory of another node is slower.",
     "set `cores` to those of the card's node", Needs::config, numa},
};

}  // namespace

std::span<const Check> processor_checks() { return processor_table; }

}  // namespace sluice::doctor
