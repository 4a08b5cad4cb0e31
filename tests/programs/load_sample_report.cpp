// sluice-load-sample-report DIRECTORY [--invalid]
//
// Writes every output of sluice-load for a made-up run, for the system tests to read with other programs.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/load_sample.hpp"
#include "tools/load/report/comparison_report.hpp"
#include "tools/load/report/csv.hpp"
#include "tools/load/report/hgrm.hpp"
#include "tools/load/report/hlog.hpp"
#include "tools/load/report/html.hpp"
#include "tools/load/report/json.hpp"
#include "tools/load/report/output_file.hpp"

namespace {

using namespace sluice;

load::OutputFile create(const std::string& path) {
    auto file = load::OutputFile::create(path);
    if (!file) {
        std::fprintf(stderr, "%s: %s\n", path.c_str(), file.error().message().c_str());
        std::exit(1);
    }
    file->begin();
    return std::move(*file);
}

// Four runs each, as if interleaved: the second target serves a third more and does not stall.
load::Comparison sample_comparison() {
    std::vector<load::Contender> contenders(2);
    contenders[0].name = "baseline <8 threads>";
    contenders[1].name = "sluice";
    for (std::uint64_t run = 0; run < 4; ++run) {
        const auto rate = static_cast<unsigned>(1500 + 10 * run);
        contenders[0].runs.push_back(tests::sample_run({.seed = 1 + run, .seconds = 5, .rate = rate, .stall_at_s = 2}));
        contenders[1].runs.push_back(tests::sample_run({.seed = 9 + run, .seconds = 5, .rate = rate * 4 / 3}));
    }
    return load::compare(std::move(contenders), 42);
}

template <typename Writer, typename Content>
void write(Writer writer, const Content& content, const std::string& path) {
    load::OutputFile file = create(path);
    writer(content, file.stream());
    if (file.close()) std::exit(1);
}

}  // namespace

int main(int arguments_count, char** arguments) {
    if (arguments_count < 2) return 2;
    const std::string directory = arguments[1];
    tests::LoadSample sample;
    sample.is_valid = arguments_count < 3 || std::string_view(arguments[2]) != "--invalid";

    load::OutputFile csv_file = create(directory + "/run.csv");
    load::OutputFile hlog_file = create(directory + "/run.hlog");
    load::CsvWriter csv(csv_file.stream());
    load::HlogWriter hlog(hlog_file.stream(), "0.1.0");
    const load::RunResult result = tests::sample_run(sample, {&csv, &hlog});
    if (csv_file.close() || hlog_file.close()) return 1;

    write(load::write_json, result, directory + "/run.json");
    write(load::write_html, result, directory + "/run.html");
    const std::string hgrm = directory + "/run.hgrm";
    write(load::write_hgrm, result.latencies.corrected, hgrm);
    write(load::write_hgrm, result.latencies.uncorrected, load::path_with_name(hgrm, "uncorrected"));
    write(load::write_hgrm, result.latencies.lag, load::path_with_name(hgrm, "lag"));

    const load::Comparison comparison = sample_comparison();
    write(load::write_comparison_json, comparison, directory + "/comparison.json");
    write(load::write_comparison_html, comparison, directory + "/comparison.html");
    write(load::write_comparison_markdown, comparison, directory + "/comparison.md");
}
