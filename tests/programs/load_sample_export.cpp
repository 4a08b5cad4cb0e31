// sluice-load-sample-export URL DATABASE
// sluice-load-sample-export URL ORGANIZATION BUCKET TOKEN
//
// Sends a made-up run that begins now to InfluxDB 1 or 2, and prints what became of it as JSON. Warnings go to stderr.
#include <chrono>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "tests/support/load_sample.hpp"
#include "tools/load/export/influx.hpp"

int main(int arguments_count, char** arguments) {
    using namespace sluice;
    load::InfluxTarget target;
    if (arguments_count == 3) {
        target = {.url = arguments[1], .database = arguments[2], .organization = {}, .bucket = {}, .token = {}};
    } else if (arguments_count == 5) {
        target = {.url = arguments[1],
                  .database = {},
                  .organization = arguments[2],
                  .bucket = arguments[3],
                  .token = arguments[4]};
    } else {
        return 2;
    }
    tests::LoadSample sample;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    // In the past, as far as the run is long: databases do not show the future.
    const auto length = std::chrono::seconds(sample.seconds + std::lround(sample.warmup_s) + 5);
    sample.began_at_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - length).count();

    load::InfluxExporter exporter(target, "night, run=7",
                                  [](const std::string& warning) { std::fprintf(stderr, "%s\n", warning.c_str()); });
    const auto begin = std::chrono::steady_clock::now();
    const load::RunResult result = tests::sample_run(sample, {&exporter});
    const std::chrono::duration<double> observed = std::chrono::steady_clock::now() - begin;
    const load::InfluxExporter::Outcome outcome = exporter.finish();
    const std::chrono::duration<double> finished = std::chrono::steady_clock::now() - begin;

    const nlohmann::json printed{{"points_written", outcome.points_written},
                                 {"points_lost", outcome.points_lost},
                                 {"responses", result.totals.responses},
                                 {"status_200", result.totals.statuses[200]},
                                 {"status_503", result.totals.statuses[503]},
                                 {"timeouts", result.totals.faults[static_cast<std::size_t>(load::Fault::timeout)]},
                                 {"observed_s", observed.count()},
                                 {"finished_s", finished.count()}};
    std::puts(printed.dump().c_str());
}
