// InfluxClient: one HTTP connection to an InfluxDB, kept open between posts, with libcurl. One thread at a time: that
// of the exporter.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::load {

enum class PostOutcome : std::uint8_t {
    written,
    postponed,  // no connection, no answer, 429 or 5xx: may succeed later
    refused,    // any other status: the same points will never be taken
};

struct PostResult {
    PostOutcome outcome = PostOutcome::postponed;
    std::string reason;  // of a failure: a sentence without its end
};

class InfluxClient {
  public:
    // `token` may be empty.
    InfluxClient(const std::string& url, const std::string& token, long timeout_ms);
    ~InfluxClient();
    InfluxClient(const InfluxClient&) = delete;
    InfluxClient& operator=(const InfluxClient&) = delete;

    [[nodiscard]] PostResult post(const std::string& lines);

  private:
    struct Handles;
    std::unique_ptr<Handles> handles_;
};

// For a URL's query.
[[nodiscard]] std::string percent_encoded(const std::string& text);

}  // namespace sluice::load
