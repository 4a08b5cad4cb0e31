// OutputFile: a file that a run writes. It is a C stream, because HdrHistogram_c prints to one. The stream remembers
// that something could not be written (a full disk), and close() says so: no output is cut short unnoticed.
//
// A file of the same name keeps its content until begin(): a run that could not begin has destroyed nothing. Main
// thread.
#pragma once

#include <cstdio>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace sluice::load {

class OutputFile {
  public:
    // Opens the file, or creates it empty, to find out whether it can be written; "-" is standard output.
    [[nodiscard]] static std::expected<OutputFile, std::error_code> create(const std::string& path);
    // One that create() made, and that was neither begun nor closed, is removed.
    ~OutputFile();
    OutputFile(OutputFile&&) = default;
    OutputFile& operator=(OutputFile&&) = default;

    // Before the first write: what the file held goes. Does nothing when called again.
    void begin();
    [[nodiscard]] std::FILE* stream() const { return stream_.get(); }
    // The first error of any write; nothing may be written afterwards. The file stays, begun or not. Errors of standard
    // output are left to the end of the process, which looks for them in any case (is_stdout_written()).
    [[nodiscard]] std::error_code close();

  private:
    struct Close {
        void operator()(std::FILE* stream) const {
            if (stream != stdout) std::fclose(stream);
        }
    };
    OutputFile(std::FILE* stream, std::string created_path) : stream_(stream), created_path_(std::move(created_path)) {}

    std::unique_ptr<std::FILE, Close> stream_;
    std::string created_path_;  // of a file that was not there before and has not begun; else empty
    bool has_begun_ = false;
};

inline void put(std::FILE* stream, std::string_view text) { std::fwrite(text.data(), 1, text.size(), stream); }

// Where the histogram `name` of a run goes that is written to `path`: latency.hgrm, lag → latency.lag.hgrm.
[[nodiscard]] std::string path_with_name(const std::string& path, std::string_view name);

// `text` as part of a file's name or of a tag: all but ASCII letters, digits, `.`, `-` and `_` become `_`.
[[nodiscard]] std::string plain_name(std::string_view text);

}  // namespace sluice::load
