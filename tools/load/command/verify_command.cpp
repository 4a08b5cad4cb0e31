#include "tools/load/command/verify_command.hpp"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/config/sink_url.hpp"
#include "tools/load/ledger/ledger.hpp"
#include "tools/load/ledger/redis_samples.hpp"
#include "tools/load/ledger/verification.hpp"
#include "tools/load/report/output_file.hpp"

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

void print_row(std::string_view name, const DeviceVerdict& verdict) {
    fmt::print("{:<24} {:>12} {:>12} {:>8} {:>10} {:>9} {:>14}\n", name, verdict.acknowledged, verdict.found,
               verdict.lost, verdict.duplicated, verdict.reordered, verdict.unacknowledged);
}

void print_verdicts(const Verdicts& verdicts, const DeviceVerdict& sum) {
    fmt::print("{:<24} {:>12} {:>12} {:>8} {:>10} {:>9} {:>14}\n", "device", "acknowledged", "found", "lost",
               "duplicated", "reordered", "unacknowledged");
    std::size_t unusual_count = 0;
    for (const auto& [device, verdict] : verdicts) {
        // Unacknowledged samples are not unusual: the answer may have been lost on its way.
        if (verdict.lost == 0 && verdict.duplicated == 0 && verdict.reordered == 0) continue;
        if (++unusual_count <= devices_shown_max) print_row(device, verdict);
    }
    if (unusual_count > devices_shown_max)
        fmt::print("and {} more devices like these (--json has all)\n", unusual_count - devices_shown_max);
    print_row(fmt::format("all {} devices", verdicts.size()), sum);
}

}  // namespace

ExitCode verify(const VerifyPlan& plan) {
    const auto url = config::parse_sink_url(plan.redis_url);
    // The parser is the engine's, which also takes null: and journal:.
    const bool is_redis = url && url->kind != config::SinkKind::null && url->kind != config::SinkKind::journal;
    if (!is_redis) return complain("--redis is no URL of Redis, a cluster or sentinels");
    const auto entries = read_ledger(plan.ledger_path);
    if (!entries) return complain(entries.error());
    Verification verification;
    // All of the ledger before the first sample of Redis: find() compares with it.
    for (const LedgerEntry& entry : *entries)
        verification.acknowledge(entry.device, entry.first_seq, entry.samples_count);
    const auto stored = read_samples(*url, plan.stream, plan.list_key,
                                     [&](const std::string& device, std::uint64_t seq, std::size_t key_index) {
                                         verification.find(device, seq, key_index);
                                     });
    if (!stored) return complain(stored.error());

    const Verdicts verdicts = verification.by_device();
    const DeviceVerdict sum = sum_of(verdicts);
    if (!plan.json_path.empty() && !write_verdicts(plan.json_path, verdicts, sum))
        return complain("cannot write " + plan.json_path);
    print_verdicts(verdicts, sum);
    if (verification.others_count() != 0)
        fmt::print("{} samples are of devices that are not this ledger's\n", verification.others_count());
    if (stored->foreign_count != 0)
        fmt::print("{} entries in Redis have no device and seq of ours\n", stored->foreign_count);
    fmt::print("{}\n", sum.lost == 0 ? "nothing that was acknowledged is lost" : "ACKNOWLEDGED SAMPLES ARE LOST");
    return sum.lost == 0 ? ExitCode::ok : ExitCode::threshold_missed;
}

}  // namespace sluice::load
