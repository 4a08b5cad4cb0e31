// OutputFile: a file that a run writes. It is a C stream, because HdrHistogram_c prints to one. The stream remembers
// that something could not be written (a full disk), and close() says so: no output is cut short unnoticed. Main
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
    // Creates or empties the file; "-" is standard output.
    [[nodiscard]] static std::expected<OutputFile, std::error_code> create(const std::string& path);

    [[nodiscard]] std::FILE* stream() const { return stream_.get(); }
    // The first error of any write; nothing may be written afterwards.
    [[nodiscard]] std::error_code close();

  private:
    struct Close {
        void operator()(std::FILE* stream) const {
            if (stream != stdout) std::fclose(stream);
        }
    };
    explicit OutputFile(std::FILE* stream) : stream_(stream) {}

    std::unique_ptr<std::FILE, Close> stream_;
};

inline void put(std::FILE* stream, std::string_view text) { std::fwrite(text.data(), 1, text.size(), stream); }

// Where the histogram `name` of a run goes that is written to `path`: latency.hgrm, lag → latency.lag.hgrm.
[[nodiscard]] std::string path_with_name(const std::string& path, std::string_view name);

}  // namespace sluice::load
