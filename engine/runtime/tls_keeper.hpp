// TlsKeeper: the certificates of a running engine. Reads their files at start, on SIGHUP, and when they change: each
// tls.reload_interval it looks at their time, size and inode, also behind symbolic links, which change when a directory
// of certificates is swapped. A reload takes all files or none: if one of them cannot be used, or a certificate is
// over, the old ones stay. It tells of certificates that are about to end.
//
// The main thread's. It reads files; no reactor waits for it.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/tls/context.hpp"
#include "engine/tls/files.hpp"
#include "engine/tls/published.hpp"

namespace sluice {

class TlsKeeper {
  public:
    // `config` outlives it.
    explicit TlsKeeper(const config::Config& config) : config_(config) {}

    [[nodiscard]] bool is_on() const { return config_.has_tls(); }
    // Once, if it is on. An error is a sentence.
    [[nodiscard]] std::expected<void, std::string> load();
    [[nodiscard]] std::shared_ptr<const tls::Context> context() const { return published_.context(); }
    [[nodiscard]] const tls::Published& published() const { return published_; }

    // What is due: true if there is a new context. `now_ns`: monotonic; `now_s`: since 1970.
    [[nodiscard]] bool look(std::uint64_t now_ns, std::int64_t now_s);
    // The same at once. `why` for the log.
    [[nodiscard]] bool reload(std::int64_t now_s, const char* why);
    // When look() has something to do (monotonic); 0: never.
    [[nodiscard]] std::uint64_t next_ns() const;

  private:
    void warn_of_ends(std::uint64_t now_ns, std::int64_t now_s);

    const config::Config& config_;
    tls::Published published_;
    std::vector<tls::FileStamp> stamps_;  // of the files when they were read last, with success or not
    std::uint64_t look_ns_ = 0;  // the next look at them
    std::uint64_t warn_ns_ = 0;  // the next look at the ends of certificates
};

}  // namespace sluice
