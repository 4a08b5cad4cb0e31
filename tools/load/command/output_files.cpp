#include "tools/load/command/output_files.hpp"

#include <utility>

#include "tools/load/report/hgrm.hpp"
#include "tools/load/report/html.hpp"
#include "tools/load/report/json.hpp"

namespace sluice::load {

// Standard output gets the corrected latency only: a file of --hgrm holds one histogram.
OutputFiles::OutputFiles(const Outputs& outputs, const EndpointRows& rows)
    : csv_(open_live(outputs.csv)),
      hlog_(open_live(outputs.hlog)),
      json_(open(outputs.json)),
      html_(open(outputs.html)) {
    if (outputs.hgrm.empty()) return;
    tables_.push_back(open(outputs.hgrm));
    if (outputs.hgrm == "-") return;
    for (const char* const name : {"uncorrected", "lag"}) tables_.push_back(open(path_with_name(outputs.hgrm, name)));
    for (std::size_t row = 0; row < rows.names.size(); ++row)
        tables_.push_back(open(
            path_with_name(outputs.hgrm, "endpoint_" + std::to_string(row + 1) + "_" + plain_name(rows.names[row]))));
}

OutputFile* OutputFiles::open(const std::string& path) {
    if (path.empty()) return nullptr;
    auto file = OutputFile::create(path);
    if (!file) {
        keep_error(path, file.error());
        return nullptr;
    }
    files_.push_back({path, std::move(*file)});
    return &files_.back().file;
}

std::FILE* OutputFiles::open_live(const std::string& path) {
    OutputFile* const file = open(path);
    if (file == nullptr) return nullptr;
    live_.push_back(file);
    return file->stream();
}

void OutputFiles::on_begin(std::int64_t) {
    for (OutputFile* const file : live_) file->begin();
}

// A write that fails is remembered by its stream, and told by close().
void OutputFiles::write(const RunResult& result) {
    for (OutputFile* const file : {json_, html_})
        if (file != nullptr) file->begin();
    if (json_ != nullptr) write_json(result, json_->stream());
    if (html_ != nullptr) write_html(result, html_->stream());
    std::vector<const Histogram*> histograms{&result.latencies.corrected, &result.latencies.uncorrected,
                                             &result.latencies.lag};
    for (const EndpointFigures& endpoint : result.endpoints) histograms.push_back(&endpoint.corrected);
    for (std::size_t i = 0; i < tables_.size(); ++i) {
        tables_[i]->begin();
        write_hgrm(*histograms[i], tables_[i]->stream());
    }
}

void OutputFiles::close() {
    for (Named& named : files_)
        if (const auto error = named.file.close()) keep_error(named.path, error);
    live_.clear();
    files_.clear();
}

void OutputFiles::keep_error(const std::string& path, const std::error_code& error) {
    if (error_.empty()) error_ = "cannot write " + path + ": " + error.message();
}

}  // namespace sluice::load
