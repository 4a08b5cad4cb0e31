#include "tools/load/command/run_command.hpp"

#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "engine/log/writer.hpp"
#include "tools/load/command/output_files.hpp"
#include "tools/load/command/output_options.hpp"
#include "tools/load/command/progress.hpp"
#include "tools/load/command/summary.hpp"
#include "tools/load/export/influx.hpp"
#include "tools/load/ledger/ledger.hpp"
#include "tools/load/plan/endpoint_rows.hpp"
#include "tools/load/report/csv.hpp"
#include "tools/load/report/hlog.hpp"
#include "tools/load/result/counts_text.hpp"
#include "tools/load/run/coordinator.hpp"
#include "tools/load/run/environment.hpp"

namespace sluice::load {
namespace {

// Also on the exporter's thread.
void warn(const std::string& sentence) { log::say("sluice-load: " + sentence); }

void tell_outcome(const InfluxExporter::Outcome& outcome) {
    if (outcome.points_lost != 0) warn(counted(outcome.points_lost, "point") + " could not be written to InfluxDB");
}

ExitCode exit_code_of(const RunResult& result) {
    switch (result.verdict()) {
        case Verdict::ok: return ExitCode::ok;
        case Verdict::missed:
        case Verdict::failed: return ExitCode::threshold_missed;
        case Verdict::invalid: break;
    }
    return ExitCode::invalid;
}

// Standard output, unless a report takes it.
std::FILE* summary_stream(const Outputs& outputs) {
    for (const std::string* const path : {&outputs.json, &outputs.csv, &outputs.hgrm, &outputs.hlog, &outputs.html})
        if (*path == "-") return stderr;
    return stdout;
}

}  // namespace

ExitCode run(const RunPlan& plan, const Outputs& outputs, const std::vector<std::string>& command_line,
             std::atomic<bool>& stop) {
    // Before the load threads start, because it may look through all of /proc.
    const Environment environment = environment_of(plan.target, command_line);
    OutputFiles files(outputs, endpoint_rows_of(plan));
    // Nothing has been sent yet, and no file has changed.
    if (!files.error().empty()) return complain(files.error());
    std::vector<Observer*> observers{&files};
    std::optional<CsvWriter> csv;
    std::optional<HlogWriter> hlog;
    if (files.csv() != nullptr) observers.push_back(&csv.emplace(files.csv()));
    if (files.hlog() != nullptr) observers.push_back(&hlog.emplace(files.hlog(), environment.version));
    std::optional<InfluxExporter> influx;
    if (!outputs.influx_url.empty()) observers.push_back(&influx.emplace(influx_target_of(outputs), plan.name, warn));
    std::unique_ptr<Ledger> ledger;
    OnAcknowledged on_acknowledged;
    if (!plan.ledger_path.empty()) {
        // What is not recorded cannot be verified, so the run ends and reports what it has.
        auto created = Ledger::create(plan.ledger_path, plan.device_prefix, plan.devices_count,
                                      [&stop] { stop.store(true, std::memory_order_release); });
        if (!created)
            return complain("cannot create the ledger " + plan.ledger_path + ": " + created.error().message());
        ledger = std::move(*created);
        // On load threads, several at a time: record() takes a lock.
        on_acknowledged = [&ledger](const RequestIdentity& request) {
            ledger->record(request.device, request.first_seq, request.samples_count);
        };
    }
    Progress progress(plan, stderr);
    if (!outputs.is_quiet) observers.push_back(&progress);

    auto result = carry_out(plan, observers, stop, on_acknowledged);
    if (!outputs.is_quiet) progress.finish();
    // The load threads have ended, so nothing is recorded any more.
    const std::error_code ledger_error = ledger != nullptr ? ledger->close() : std::error_code();
    if (ledger != nullptr && !result) ledger->remove_if_empty();
    if (!result)
        return complain(result.error().sentence,
                        result.error().is_interrupt ? ExitCode::invalid : ExitCode::setup_failed);
    // Takes two request time-outs of the exporter at most.
    if (influx) tell_outcome(influx->finish());
    result->environment = environment;
    files.write(*result);
    files.close();
    if (!outputs.is_quiet) write_summary(*result, summary_stream(outputs));
    // An output that is not whole decides the exit code before the verdict does.
    if (!files.error().empty()) return complain(files.error());
    if (ledger_error) return complain("cannot write the ledger, so the run was ended: " + ledger_error.message());
    if (outputs.is_quiet) write_complaints(*result, stderr);
    return exit_code_of(*result);
}

}  // namespace sluice::load
