// A certificate that signs itself and its key, in files of a directory of the test's own.
#pragma once

#include <filesystem>
#include <string>

#include "engine/tls/settings.hpp"

namespace sluice::tests {

class TlsFiles {
  public:
    explicit TlsFiles(const std::string& dns_name = "localhost");
    ~TlsFiles();
    TlsFiles(const TlsFiles&) = delete;
    TlsFiles& operator=(const TlsFiles&) = delete;

    [[nodiscard]] tls::Settings settings() const;

  private:
    std::filesystem::path directory_;
};

}  // namespace sluice::tests
