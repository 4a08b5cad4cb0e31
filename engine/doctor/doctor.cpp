#include "engine/doctor/doctor.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/check/machine.hpp"
#include "engine/config/load.hpp"
#include "engine/core/counted.hpp"
#include "engine/delivery/journal_directory.hpp"
#include "engine/runtime/access_files.hpp"

namespace sluice::doctor {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* name_of(State state) {
    switch (state) {
        case State::ok: return "ok";
        case State::warn: return "warn";
        case State::fault: return "fault";
        case State::unknown: break;
    }
    return "unknown";
}

// Why a check cannot be made. Empty: it can.
std::string obstacle(Needs needs, const Facts& facts) {
    if (needs == Needs::nothing) return {};
    if (!facts.config_problem.empty()) return "the configuration is wrong";
    const config::Config& config = facts.config;
    switch (needs) {
        case Needs::nothing:
        case Needs::config: break;
        case Needs::journal: return config.has_journal() ? "" : "no journal is configured";
        case Needs::tls: return config.has_tls() ? "" : "no listener speaks TLS";
        case Needs::tenants: return config.has_tenants() ? "" : "no tenants.file is set";
        case Needs::cluster:
            if (facts.redis.is_wanted && !facts.redis.is_cluster) return "sink.url is of no cluster";
            [[fallthrough]];
        case Needs::redis:
            if (!facts.redis.is_wanted) return "sink.url is of no Redis";
            return facts.redis.problem.empty() ? "" : "Redis cannot be asked";
    }
    return {};
}

Finding look(const Check& check, const Facts& facts) {
    std::string why_not = obstacle(check.needs, facts);
    Finding finding = why_not.empty() ? check.look(facts) : unknown(std::move(why_not));
    if (finding.wanted.empty()) finding.wanted = check.wanted;
    return finding;
}

std::size_t count_of(const std::vector<Row>& rows, State state) {
    return static_cast<std::size_t>(std::ranges::count(rows, state, [](const Row& row) { return row.finding.state; }));
}

std::string line_of(const Row& row) {
    std::string line = name_of(row.finding.state);
    line.resize(8, ' ');
    line.append(row.check->title).append(" (").append(row.check->id).append("): ").append(row.finding.found);
    if (row.finding.state != State::ok) line.append("; wanted: ").append(row.finding.wanted);
    line += '\n';
    if (row.finding.state == State::warn || row.finding.state == State::fault)
        line.append("        why: ").append(row.check->why).append("\n        how: ").append(row.check->how) += '\n';
    return line;
}

Facts gather(const config::Invocation& invocation, const config::Environment& environment) {
    Facts facts;
    auto inspection = config::inspect_config(invocation.overrides, environment);
    if (!inspection) {
        facts.config_problem = inspection.error().sentence;
        facts.host = Host::of_process({});
        return facts;
    }
    facts.config = std::move(inspection->config);
    facts.config_warnings = std::move(inspection->warnings);
    const auto access = read_access_files(facts.config);
    if (!access) facts.access_problem = access.error();
    else if (access->tenants != nullptr) facts.tenant_warnings = access->tenants->warnings();
    facts.machine_warnings = check::machine_warnings(facts.config);
    facts.host = Host::of_process(facts.config.has_journal() ? journal_directory_of(facts.config) : std::string());
    facts.redis = ask_redis(facts.config);
    return facts;
}

}  // namespace

Finding at_least(const Host& host, const std::string& path, std::uint64_t wanted_min, State otherwise) {
    const std::string wanted = "at least " + std::to_string(wanted_min);
    const auto value = host.number(path);
    if (!value) return {State::unknown, path + " cannot be read", wanted};
    return judged(*value >= wanted_min, otherwise, std::to_string(*value), wanted);
}

std::vector<Row> examine(const Facts& facts) {
    std::vector<Row> rows;
    for (const auto family : {kernel_checks(), processor_checks(), network_checks(), file_checks(), redis_checks(),
                              configuration_checks(), access_checks()})
        for (const Check& check : family) rows.push_back({&check, look(check, facts)});
    return rows;
}

std::string json_of(const std::vector<Row>& rows) {
    Json checks = Json::array();
    for (const Row& row : rows)
        checks.push_back({{"id", row.check->id},
                          {"state", name_of(row.finding.state)},
                          {"found", row.finding.found},
                          {"wanted", row.finding.wanted},
                          {"why", row.check->why},
                          {"how", row.check->how}});
    // Bytes that are not UTF-8 become U+FFFD; the library throws by default.
    return Json{{"checks", std::move(checks)}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string text_of(const std::vector<Row>& rows) {
    std::string text;
    for (const Row& row : rows) text += line_of(row);
    return text + counted(rows.size(), "check") + ": " + std::to_string(count_of(rows, State::ok)) + " ok, " +
           counted(count_of(rows, State::warn), "warning") + ", " + counted(count_of(rows, State::fault), "fault") +
           ", " + std::to_string(count_of(rows, State::unknown)) + " unknown\n";
}

int exit_code_of(const std::vector<Row>& rows) {
    if (count_of(rows, State::fault) != 0) return 2;
    return count_of(rows, State::warn) != 0 ? 1 : 0;
}

Answer run(const config::Invocation& invocation, const config::Environment& environment) {
    const std::vector<Row> rows = examine(gather(invocation, environment));
    return {invocation.prints_json ? json_of(rows) : text_of(rows), exit_code_of(rows)};
}

}  // namespace sluice::doctor
