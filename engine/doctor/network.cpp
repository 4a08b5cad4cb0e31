// Checks of the network's settings.
#include "engine/doctor/check.hpp"

namespace sluice::doctor {
namespace {

const std::string ipv4 = "/proc/sys/net/ipv4/";

Finding somaxconn(const Facts& facts) {
    return at_least(facts.host, "/proc/sys/net/core/somaxconn", 4096, State::warn);
}
Finding syn_backlog(const Facts& facts) {
    return at_least(facts.host, ipv4 + "tcp_max_syn_backlog", 4096, State::warn);
}
Finding syncookies(const Facts& facts) { return at_least(facts.host, ipv4 + "tcp_syncookies", 1, State::warn); }
Finding migrate(const Facts& facts) { return at_least(facts.host, ipv4 + "tcp_migrate_req", 1, State::warn); }

// The `index`th number of a file of several.
Finding nth_at_least(const Facts& facts, const std::string& name, std::size_t index, std::uint64_t least) {
    const auto text = facts.host.read(ipv4 + name);
    const auto words = words_of(text.value_or(""));
    const auto value = words.size() > index ? number_of(words[index]) : std::nullopt;
    if (!value) return unknown(ipv4 + name + " cannot be read");
    return judged(*value >= least, State::warn, *text, "at least " + std::to_string(least));
}
// The defaults of Linux (Documentation/networking/ip-sysctl.rst).
Finding receive_memory(const Facts& facts) { return nth_at_least(facts, "tcp_rmem", 1, 131'072); }
Finding send_memory(const Facts& facts) { return nth_at_least(facts, "tcp_wmem", 1, 16'384); }

// In pages of 4 KiB: 64 KiB for each connection.
Finding all_memory(const Facts& facts) {
    return nth_at_least(facts, "tcp_mem", 2, facts.config.http.connections_count_max * facts.config.cores.size() * 16);
}

Finding port_range(const Facts& facts) {
    const auto words = words_of(facts.host.read(ipv4 + "ip_local_port_range").value_or(""));
    const auto first = words.size() == 2 ? number_of(words[0]) : std::nullopt;
    const auto last = words.size() == 2 ? number_of(words[1]) : std::nullopt;
    if (!first || !last || *last < *first) return unknown("the range cannot be read");
    return judged(*last - *first + 1 >= 28'000, State::warn, words[0] + " to " + words[1]);
}

Finding time_wait(const Facts& facts) {
    const auto words = words_of(facts.host.field("/proc/net/sockstat", "TCP").value_or(""));
    for (std::size_t i = 0; i + 1 < words.size(); ++i)
        if (const auto count = number_of(words[i + 1]); words[i] == "tw" && count)
            return judged(*count < 20'000, State::warn, std::to_string(*count));
    return unknown("/proc/net/sockstat does not tell");
}

Finding conntrack(const Facts& facts) {
    const auto limit = facts.host.number("/proc/sys/net/netfilter/nf_conntrack_max");
    const auto used = facts.host.number("/proc/sys/net/netfilter/nf_conntrack_count");
    if (!limit || !used) return unknown("connection tracking is not loaded, or not shown here");
    return judged(*used * 5 < *limit * 4, State::warn, std::to_string(*used) + " of " + std::to_string(*limit));
}

constexpr Check network_table[] = {
    {"net.somaxconn", "Accept queue", "at least 4096", "Connections beyond it are dropped while a burst arrives.",
     "sysctl -w net.core.somaxconn=4096", Needs::nothing, somaxconn},
    {"net.syn_backlog", "Half-open connections", "at least 4096", "A burst of connections is dropped beyond it.",
     "sysctl -w net.ipv4.tcp_max_syn_backlog=4096", Needs::nothing, syn_backlog},
    {"net.syncookies", "SYN cookies", "at least 1", "Without them a flood of SYN keeps all others out.",
     "sysctl -w net.ipv4.tcp_syncookies=1", Needs::nothing, syncookies},
    {"net.port_range", "Local ports", "28000 ports", "Connections to Redis, and of load tests, each take one.",
     "sysctl -w net.ipv4.ip_local_port_range='15000 65000'", Needs::nothing, port_range},
    {"net.time_wait", "Connections in TIME_WAIT", "below 20000", "Each holds a local port for a minute.",
     "let clients keep connections open", Needs::nothing, time_wait},
    {"net.tcp_rmem", "Receive buffer of a connection", "at least 131072", "A small window slows senders that are far.",
     "sysctl -w net.ipv4.tcp_rmem='4096 131072 6291456'", Needs::nothing, receive_memory},
    {"net.tcp_wmem", "Send buffer of a connection", "at least 16384", "A small buffer splits writes to Redis.",
     "sysctl -w net.ipv4.tcp_wmem='4096 16384 4194304'", Needs::nothing, send_memory},
    {"net.tcp_mem", "Memory of all connections", "64 KiB for each connection",
     "At the limit the kernel drops what arrives.", "sysctl -w net.ipv4.tcp_mem='190000 250000 380000'", Needs::config,
     all_memory},
    {"net.migrate_req", "Connections follow to another listener", "at least 1",
     "Without it, connections that wait for a reactor are reset when its listener closes.",
     "sysctl -w net.ipv4.tcp_migrate_req=1", Needs::nothing, migrate},
    {"net.conntrack", "Connection tracking", "below 80 % of the limit", "When it is full, connections are dropped.",
     "sysctl -w net.netfilter.nf_conntrack_max=262144", Needs::nothing, conntrack},
};

}  // namespace

std::span<const Check> network_checks() { return network_table; }

}  // namespace sluice::doctor
