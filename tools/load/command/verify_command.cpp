#include "tools/load/command/verify_command.hpp"

#include <cstdio>
#include <expected>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/load.hpp"
#include "tools/load/ledger/ledger.hpp"
#include "tools/load/ledger/redis_samples.hpp"
#include "tools/load/ledger/verification.hpp"
#include "tools/load/report/output_file.hpp"
#include "tools/load/report/print_to.hpp"
#include "tools/load/result/counts_text.hpp"

namespace sluice::load {
namespace {

// What a screen shows without scrolling.
constexpr std::size_t devices_shown_max = 20;

using Verdicts = std::map<std::string, DeviceVerdict>;

nlohmann::json json_of(const DeviceVerdict& verdict) {
    return {{"acknowledged", verdict.acknowledged},
            {"found", verdict.found},
            {"lost", verdict.lost},
            {"duplicated", verdict.duplicated},
            {"reordered", verdict.reordered},
            {"unacknowledged", verdict.unacknowledged},
            {"lost_first", verdict.lost_first}};
}

// False: it cannot be created, or not be written whole.
bool write_verdicts(const std::string& path, const Verdicts& verdicts, const DeviceVerdict& sum) {
    nlohmann::json document{
        {"format", "sluice-load-verify/1"}, {"total", json_of(sum)}, {"devices", nlohmann::json::object()}};
    // Seqs of different devices in one list would mean nothing.
    document["total"].erase("lost_first");
    for (const auto& [device, verdict] : verdicts) document["devices"][device] = json_of(verdict);
    auto file = OutputFile::create(path);
    if (!file) return false;
    file->begin();
    put(file->stream(), document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    return !file->close();
}

void print_row(std::FILE* table, std::string_view name, const DeviceVerdict& verdict) {
    print_to(table, "{:<24} {:>12} {:>12} {:>8} {:>10} {:>9} {:>14}\n", name, verdict.acknowledged, verdict.found,
             verdict.lost, verdict.duplicated, verdict.reordered, verdict.unacknowledged);
}

void print_verdicts(std::FILE* table, const Verdicts& verdicts, const DeviceVerdict& sum) {
    print_to(table, "{:<24} {:>12} {:>12} {:>8} {:>10} {:>9} {:>14}\n", "device", "acknowledged", "found", "lost",
             "duplicated", "reordered", "unacknowledged");
    std::size_t unusual_count = 0;
    for (const auto& [device, verdict] : verdicts) {
        // Unacknowledged samples are not unusual: the answer may have been lost on its way.
        if (verdict.lost == 0 && verdict.duplicated == 0 && verdict.reordered == 0) continue;
        if (++unusual_count <= devices_shown_max) print_row(table, device, verdict);
    }
    if (unusual_count > devices_shown_max)
        print_to(table, "and {} like these (--json has all)\n",
                 counted(unusual_count - devices_shown_max, "more device"));
    print_row(table, fmt::format("all {}", counted(verdicts.size(), "device")), sum);
}

// The options that are given, as settings of the engine.
std::vector<config::Override> settings_of(const VerifyPlan& plan) {
    std::vector<config::Override> settings{{"--redis", "sink.url", plan.redis_url}};
    const auto add = [&](const char* option, const char* key, const std::string& value) {
        if (!value.empty()) settings.push_back({option, key, value});
    };
    add("--redis-ca", "sink.redis.tls_ca", plan.redis_ca);
    add("--redis-cert", "sink.redis.tls_certificate", plan.redis_certificate);
    add("--redis-key", "sink.redis.tls_key", plan.redis_key);
    add("--redis-server-name", "sink.redis.tls_server_name", plan.redis_server_name);
    if (plan.is_redis_unverified) settings.push_back({"--redis-insecure", "sink.redis.tls_verify", "false"});
    return settings;
}

// Redis is reached as the engine reaches it, and so are the credentials of the environment that it takes for the sink.
// Its other settings are none of a reader's.
std::expected<config::Config, config::ConfigError> config_of(const VerifyPlan& plan) {
    config::Environment environment = config::Environment::of_process();
    std::erase_if(environment.variables, [](const std::string& variable) {
        return !variable.starts_with("SLUICE_SINK_REDIS_USER=") &&
               !variable.starts_with("SLUICE_SINK_REDIS_PASSWORD") && !variable.starts_with("CREDENTIALS_DIRECTORY=");
    });
    return config::load_config({.config_file = {}, .settings = settings_of(plan)}, environment);
}

// The keys that the engine writes to unless it is told otherwise.
SampleKeys keys_of(const VerifyPlan& plan, const config::Config& config) {
    return {.stream = plan.stream.empty() ? config.sink.redis.stream : plan.stream,
            .list_key = plan.list_key.empty() ? config.sink.redis.list_key : plan.list_key,
            .is_stream_given = !plan.stream.empty(),
            .is_list_given = !plan.list_key.empty()};
}

}  // namespace

ExitCode verify(const VerifyPlan& plan) {
    const auto config = config_of(plan);  // the URL was checked, the environment was not
    if (!config) return complain(config.error().sentence, ExitCode::bad_usage);
    const auto entries = read_ledger(plan.ledger_path);
    if (!entries) return complain(entries.error());
    Verification verification;
    // All of the ledger before the first sample of Redis: find() compares with it.
    for (const LedgerEntry& entry : *entries)
        verification.acknowledge(entry.device, entry.first_seq, entry.samples_count);
    const auto stored = read_samples(*config, keys_of(plan, *config),
                                     [&](const std::string& device, std::uint64_t seq, std::size_t key_index) {
                                         verification.find(device, seq, key_index);
                                     });
    if (!stored) return complain(stored.error());

    const Verdicts verdicts = verification.by_device();
    const DeviceVerdict sum = sum_of(verdicts);
    if (!plan.json_path.empty() && !write_verdicts(plan.json_path, verdicts, sum))
        return complain("cannot write " + plan.json_path);
    std::FILE* const table = plan.json_path == "-" ? stderr : stdout;
    print_verdicts(table, verdicts, sum);
    if (verification.others_count() != 0)
        print_to(table, "{} of devices that are not this ledger's\n",
                 counted(verification.others_count(), "sample is", "samples are"));
    if (stored->foreign_count != 0)
        print_to(table, "{} no device and seq of ours\n",
                 counted(stored->foreign_count, "entry in Redis has", "entries in Redis have"));
    print_to(table, "{}\n", sum.lost == 0 ? "nothing that was acknowledged is lost" : "ACKNOWLEDGED SAMPLES ARE LOST");
    return sum.lost == 0 ? ExitCode::ok : ExitCode::threshold_missed;
}

}  // namespace sluice::load
