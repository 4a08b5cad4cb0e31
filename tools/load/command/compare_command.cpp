#include "tools/load/command/compare_command.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <optional>
#include <vector>

#include "tools/load/command/summary.hpp"
#include "tools/load/plan/units.hpp"
#include "tools/load/report/comparison.hpp"
#include "tools/load/report/comparison_report.hpp"
#include "tools/load/report/output_file.hpp"
#include "tools/load/run/coordinator.hpp"
#include "tools/load/run/environment.hpp"

namespace sluice::load {
namespace {

constexpr std::uint64_t bootstrap_seed = 1;

ExitCode complain(const std::string& sentence) {
    std::fprintf(stderr, "sluice-load: %s\n", sentence.c_str());
    return ExitCode::setup_failed;
}

// A B C, then C B A, and so on: what drifts with time meets each target alike.
std::vector<std::size_t> order_of_round(std::uint32_t round, std::size_t targets_count) {
    std::vector<std::size_t> order(targets_count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (round % 2 == 1) std::reverse(order.begin(), order.end());
    return order;
}

void tell(const RunResult& result) {
    const auto p99_ns = static_cast<std::uint64_t>(hdr_value_at_percentile(result.latencies.corrected.get(), 99));
    std::fprintf(stderr, "%s: %s, p99 %s%s\n", result.target.c_str(), format_rate(result.achieved_rate).c_str(),
                 result.totals.responses == 0 ? "-" : format_ns(p99_ns).c_str(), result.is_valid() ? "" : ", INVALID");
}

using Write = void (*)(const Comparison&, std::FILE*);

// A file of the report. All are opened before the first run, so that a wrong path does not cost the runs.
struct Report {
    const std::string* path;
    Write write;
    std::optional<OutputFile> file = std::nullopt;  // none: not wanted

    [[nodiscard]] bool open() {
        if (path->empty()) return true;
        auto created = OutputFile::create(*path);
        if (!created) return false;
        file = std::move(*created);
        return true;
    }
    [[nodiscard]] bool finish(const Comparison& comparison) {
        if (!file) return true;
        write(comparison, file->stream());
        return !file->close();
    }
};

}  // namespace

ExitCode compare(const ComparePlan& plan, const std::vector<std::string>& command_line, const std::atomic<bool>& stop) {
    std::array<Report, 3> reports{Report{&plan.json_path, &write_comparison_json},
                                  Report{&plan.markdown_path, &write_comparison_markdown},
                                  Report{&plan.html_path, &write_comparison_html}};
    for (Report& report : reports)
        if (!report.open()) return complain("cannot write " + *report.path);
    std::vector<Contender> contenders;
    for (const RunPlan& one : plan.plans) contenders.push_back({.name = one.name, .runs = {}});
    for (std::uint32_t round = 0; round < plan.rounds_count; ++round) {
        for (const std::size_t index : order_of_round(round, contenders.size())) {
            auto result = carry_out(plan.plans[index], {}, stop);
            if (!result) return complain(plan.plans[index].name + ": " + result.error().sentence);
            if (stop.load(std::memory_order_acquire)) return complain("interrupted; there is nothing to compare");
            result->environment = environment_of(plan.plans[index].target, command_line);
            if (!plan.is_quiet) tell(*result);
            contenders[index].runs.push_back(std::move(*result));
        }
    }
    const Comparison comparison = compare(std::move(contenders), bootstrap_seed);
    write_comparison_markdown(comparison, stdout);
    std::fflush(stdout);
    for (Report& report : reports)
        if (!report.finish(comparison)) return complain("cannot write " + *report.path);
    for (const std::string& reason : comparison.invalid_reasons())
        std::fprintf(stderr, "INVALID: %s\n", reason.c_str());
    return comparison.invalid_reasons().empty() ? ExitCode::ok : ExitCode::invalid;
}

}  // namespace sluice::load
