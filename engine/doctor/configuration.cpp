// Checks of the configuration, and of what it asks of this machine.
#include <algorithm>
#include <cstdio>

#include "engine/config/addresses.hpp"
#include "engine/doctor/check.hpp"

namespace sluice::doctor {
namespace {

std::string joined(const std::vector<std::string>& sentences) {
    std::string text;
    for (const std::string& sentence : sentences) text += (text.empty() ? "" : "; ") + sentence;
    return text.empty() ? "none" : text;
}

Finding config_readable(const Facts& facts) {
    return judged(facts.config_problem.empty(), State::fault,
                  facts.config_problem.empty() ? "right" : facts.config_problem);
}

Finding remarks(const Facts& facts) {
    return judged(facts.config_warnings.empty(), State::warn, joined(facts.config_warnings));
}

Finding start(const Facts& facts) {
    return judged(facts.machine_warnings.empty(), State::warn, joined(facts.machine_warnings));
}

std::vector<config::ListenAddress> listeners_of(const config::Config& config) {
    std::vector<config::ListenAddress> all = config.listen;
    all.insert(all.end(), config.tls.listen.begin(), config.tls.listen.end());
    if (std::ranges::find(all, config.admin.listen) == all.end()) all.push_back(config.admin.listen);
    all.insert(all.end(), config.admin.metrics_listen.begin(), config.admin.metrics_listen.end());
    return all;
}

// proc_net_tcp(5): `sl local_address rem_address st`; 0A is TCP_LISTEN.
bool listens(const std::string& table, const std::string& port) {
    return std::ranges::any_of(lines_of(table), [&](const std::string& line) {
        const auto words = words_of(line);
        return words.size() > 3 && words[3] == "0A" && words[1].ends_with(port);
    });
}

std::string port_text(std::uint16_t port) {
    char text[8];
    std::snprintf(text, sizeof text, ":%04X", unsigned{port});
    return text;
}

bool runs_engine(const Host& host) {
    return std::ranges::any_of(host.names("/proc"), [&](const std::string& name) {
        return number_of(name) && host.read("/proc/" + name + "/comm") == "sluice" &&
               host.read("/proc/" + name + "/cmdline").value_or("").contains("serve");
    });
}

Finding ports(const Facts& facts) {
    const auto v4 = facts.host.read("/proc/net/tcp");
    if (!v4) return unknown("/proc/net/tcp cannot be read");
    const std::string table = *v4 + "\n" + facts.host.read("/proc/net/tcp6").value_or("");
    std::string taken;
    for (const config::ListenAddress& listener : listeners_of(facts.config))
        if (!listener.is_unix() && listener.port != 0 && listens(table, port_text(listener.port)))
            taken += (taken.empty() ? "" : ", ") + config::format_listen_address(listener);
    if (taken.empty()) return {State::ok, "free"};
    if (runs_engine(facts.host)) return {State::ok, "in use: " + taken + "; an engine runs here"};
    return {State::fault, "in use by another program: " + taken};
}

std::string open_ones(const std::vector<config::ListenAddress>& listeners) {
    std::string text;
    for (const config::ListenAddress& listener : listeners)
        if (!is_loopback(listener)) text += (text.empty() ? "" : ", ") + config::format_listen_address(listener);
    return text;
}

Finding exposed(const Facts& facts) {
    const std::string plain = open_ones(facts.config.listen), over_tls = open_ones(facts.config.tls.listen);
    const std::string all = plain + (plain.empty() || over_tls.empty() ? "" : ", ") + over_tls;
    if (all.empty()) return {State::ok, "only this machine"};
    return judged(facts.config.has_tenants() || facts.config.tls.client == config::TlsClient::required, State::warn,
                  all + (facts.config.has_tenants() ? ", with tokens" : ""));
}

Finding plain_text(const Facts& facts) {
    const std::string plain = open_ones(facts.config.listen);
    return judged(plain.empty(), State::warn, plain.empty() ? "none" : plain);
}

Finding admin_exposed(const Facts& facts) {
    const std::string open = open_ones({facts.config.admin.listen});
    if (open.empty()) return {State::ok, "only this machine"};
    return judged(!facts.config.admin.token_file.empty(), State::warn,
                  open + (facts.config.admin.token_file.empty() ? ", without a token" : ", with a token"));
}

constexpr Check configuration_table[] = {
    {"config.valid", "Configuration", "right", "With a wrong one the engine does not start.",
     "sluice check-config /etc/sluice/sluice.toml", Needs::nothing, config_readable},
    {"config.warnings", "Configuration: warnings", "none", "What the file asks for is not what is done.",
     "sluice check-config /etc/sluice/sluice.toml", Needs::config, remarks},
    {"config.start", "What a start would meet", "nothing",
     "The engine does not start, or falls back to something else.", "do what the sentence says", Needs::config, start},
    {"listen.ports", "Listeners: ports", "free, or an engine's", "A port that is in use ends the start.", "ss -ltnp",
     Needs::config, ports},
    {"listen.exposed", "Listeners: who may send", "only this machine, or tokens, or certificates of clients",
     "Everybody who reaches the port can write to Redis.", "set tenants.file, see docs/security.md", Needs::config,
     exposed},
    {"listen.plain", "Listeners: without TLS", "none beyond this machine",
     "Who is on the way reads samples and tokens.", "set tls.listen, or let a proxy speak TLS", Needs::config,
     plain_text},
    {"admin.exposed", "Admin listener: who may ask", "only this machine, or a token",
     "Everybody who reaches the port can stop the intake.", "set admin.token_file", Needs::config, admin_exposed},
};

}  // namespace

std::span<const Check> configuration_checks() { return configuration_table; }

}  // namespace sluice::doctor
