#include "tools/load/command/run_command.hpp"

#include <memory>
#include <optional>
#include <vector>

#include "tools/load/command/output_options.hpp"
#include "tools/load/command/progress.hpp"
#include "tools/load/command/summary.hpp"
#include "tools/load/export/influx.hpp"
#include "tools/load/ledger/ledger.hpp"
#include "tools/load/report/csv.hpp"
#include "tools/load/report/hgrm.hpp"
#include "tools/load/report/hlog.hpp"
#include "tools/load/report/html.hpp"
#include "tools/load/report/json.hpp"
#include "tools/load/report/output_file.hpp"
#include "tools/load/run/coordinator.hpp"
#include "tools/load/run/environment.hpp"

namespace sluice::load {
namespace {

// The files of a run, all opened before it begins, so that a wrong path does not cost a run.
class OutputFiles {
  public:
    // Null if the path is empty or cannot be written; error() tells which.
    // The stream stays valid until close(), also when files_ grows.
    std::FILE* open(const std::string& path) {
        if (path.empty()) return nullptr;
        auto file = OutputFile::create(path);
        if (!file) {
            keep_error(path, file.error());
            return nullptr;
        }
        files_.push_back({path, std::move(*file)});
        return files_.back().file.stream();
    }
    void close() {
        for (Named& named : files_)
            if (const auto error = named.file.close()) keep_error(named.path, error);
        files_.clear();
    }
    [[nodiscard]] const std::string& error() const { return error_; }

  private:
    struct Named {
        std::string path;
        OutputFile file;
    };
    // The first one: those after it often have the same cause.
    void keep_error(const std::string& path, const std::error_code& error) {
        if (error_.empty()) error_ = "cannot write " + path + ": " + error.message();
    }
    std::vector<Named> files_;
    std::string error_;
};

// Null: not wanted.
struct Writers {
    std::FILE *json, *html, *hgrm, *hgrm_uncorrected, *hgrm_lag;
};

// A write that fails is remembered by its stream, and told by OutputFiles::close().
void write_files(const RunResult& result, const Writers& writers) {
    if (writers.json != nullptr) write_json(result, writers.json);
    if (writers.html != nullptr) write_html(result, writers.html);
    if (writers.hgrm == nullptr) return;
    write_hgrm(result.latencies.corrected, writers.hgrm);
    if (writers.hgrm_uncorrected != nullptr) write_hgrm(result.latencies.uncorrected, writers.hgrm_uncorrected);
    if (writers.hgrm_lag != nullptr) write_hgrm(result.latencies.lag, writers.hgrm_lag);
}

// Also on the exporter's thread. stdio locks the stream for the call, so lines do not mix.
void warn(const std::string& sentence) { std::fprintf(stderr, "sluice-load: %s\n", sentence.c_str()); }

void tell_outcome(const InfluxExporter::Outcome& outcome) {
    if (outcome.points_lost != 0)
        warn(std::to_string(outcome.points_lost) + " points could not be written to InfluxDB");
}

// Invalid comes before a missed threshold: the figures of an invalid run do not tell of the server.
ExitCode exit_code_of(const RunResult& result) {
    if (!result.is_valid()) return ExitCode::invalid;
    for (const ThresholdResult& threshold : result.thresholds)
        if (!threshold.holds) return ExitCode::threshold_missed;
    return ExitCode::ok;
}

}  // namespace

ExitCode run(const RunPlan& plan, const Outputs& outputs, const std::vector<std::string>& command_line,
             std::atomic<bool>& stop) {
    // Before the load threads start, because it may look through all of /proc.
    const Environment environment = environment_of(plan.target, command_line);
    OutputFiles files;
    // Standard output gets the corrected latency only: a file of this format holds one histogram.
    const bool has_hgrm_names = !outputs.hgrm.empty() && outputs.hgrm != "-";
    const Writers writers{
        .json = files.open(outputs.json),
        .html = files.open(outputs.html),
        .hgrm = files.open(outputs.hgrm),
        .hgrm_uncorrected = has_hgrm_names ? files.open(path_with_name(outputs.hgrm, "uncorrected")) : nullptr,
        .hgrm_lag = has_hgrm_names ? files.open(path_with_name(outputs.hgrm, "lag")) : nullptr};
    std::vector<Observer*> observers;
    std::optional<CsvWriter> csv;
    std::optional<HlogWriter> hlog;
    if (std::FILE* stream = files.open(outputs.csv)) observers.push_back(&csv.emplace(stream));
    if (std::FILE* stream = files.open(outputs.hlog)) observers.push_back(&hlog.emplace(stream, environment.version));
    // Nothing has been sent yet. Files that could be opened stay, and are empty.
    if (!files.error().empty()) return complain(files.error());
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
    if (!result) return complain(result.error().sentence);
    // Takes two request time-outs of the exporter at most.
    if (influx) tell_outcome(influx->finish());
    result->environment = environment;
    write_files(*result, writers);
    files.close();
    if (!outputs.is_quiet) write_summary(*result, stderr);
    // An output that is not whole decides the exit code before the verdict does.
    if (!files.error().empty()) return complain(files.error());
    if (ledger_error) return complain("cannot write the ledger, so the run was ended: " + ledger_error.message());
    if (outputs.is_quiet) write_complaints(*result, stderr);
    return exit_code_of(*result);
}

}  // namespace sluice::load
