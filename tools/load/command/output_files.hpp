// OutputFiles: the files of a run. All are opened before it begins, so that a wrong path does not cost a run; what they
// held goes only when there is something to write. Main thread, where the coordinator calls its observers.
#pragma once

#include <cstdio>
#include <deque>
#include <string>
#include <vector>

#include "tools/load/command/options.hpp"
#include "tools/load/plan/endpoint_rows.hpp"
#include "tools/load/report/output_file.hpp"
#include "tools/load/result/results.hpp"

namespace sluice::load {

class OutputFiles final : public Observer {
  public:
    // error() tells which file cannot be written. `rows`: the endpoints that have a table of --hgrm each.
    OutputFiles(const Outputs& outputs, const EndpointRows& rows);

    // Of --csv and --hlog, which are written while the run goes on. Null: not wanted. Valid until close().
    [[nodiscard]] std::FILE* csv() const { return csv_; }
    [[nodiscard]] std::FILE* hlog() const { return hlog_; }
    void on_begin(std::int64_t began_at_ms) override;
    void on_interval(const Interval&) override {}

    // All that is written at the end: JSON, HTML and tables of percentiles.
    void write(const RunResult& result);
    // Afterwards error() tells of what is not written whole.
    void close();
    // A sentence, of the first error: those after it often have the same cause. Empty: there is none.
    [[nodiscard]] const std::string& error() const { return error_; }

  private:
    struct Named {
        std::string path;
        OutputFile file;
    };
    [[nodiscard]] OutputFile* open(const std::string& path);
    [[nodiscard]] std::FILE* open_live(const std::string& path);
    void keep_error(const std::string& path, const std::error_code& error);

    std::deque<Named> files_;  // a file keeps its address when another one is opened
    std::vector<OutputFile*> live_;
    std::string error_;
    // Opened by the functions above, so behind what they use.
    std::FILE *csv_ = nullptr, *hlog_ = nullptr;
    OutputFile *json_ = nullptr, *html_ = nullptr;
    std::vector<OutputFile*> tables_;  // of --hgrm: corrected, uncorrected, lag, and each endpoint
};

}  // namespace sluice::load
