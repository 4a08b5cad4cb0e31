// RunPlan: one load run, decided in full before anything is opened. Made from the command line or a scenario file. Not
// changed during the run, so that all threads may read it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/content_coding.hpp"
#include "engine/tls/client_settings.hpp"
#include "tools/load/format/body_format.hpp"
#include "tools/load/plan/arrivals.hpp"
#include "tools/load/plan/body_template.hpp"
#include "tools/load/plan/stages.hpp"
#include "tools/load/plan/target.hpp"
#include "tools/load/plan/threshold.hpp"

namespace sluice::load {

// What a response must be to count as success.
struct ResponseCheck {
    std::vector<std::uint16_t> statuses;  // empty: any 2xx
    // A member of the response's JSON object must equal `json_value` (JSON text); empty: no check of the body.
    std::string json_member;
    std::string json_value;

    [[nodiscard]] bool takes(std::uint16_t status) const {
        if (statuses.empty()) return status >= 200 && status <= 299;
        return std::ranges::find(statuses, status) != statuses.end();
    }
};

struct Endpoint {
    std::string name;  // for people
    std::string method = "POST";
    std::string path = "/";
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;  // template of one sample; empty: none, or a format that has a writer
    std::optional<BodyFormat> format;  // that was named; else it is JSON
    double weight = 1;
    ResponseCheck check;

    [[nodiscard]] BodyFormat body_format() const { return format.value_or(BodyFormat::json); }
    [[nodiscard]] bool has_body() const { return !body.empty() || has_writer(body_format()); }
};

// Uniform in [low, high], in ns.
struct ThinkTime {
    std::uint64_t low_ns = 0, high_ns = 0;
};

// Beyond these the generator, not the server, was measured.
struct ValidityBounds {
    std::uint64_t lag_p99_ns_max = 2'000'000;
    double cpu_max = 0.95;            // share of the busiest load thread's time
    double sent_min = 0.99;           // sent / planned, open loop
    double rate_min = 0.95;           // achieved / planned rate, open loop that ends by time
    double open_min = 1.0;            // of the connections, when the run began
};

struct RunPlan {
    std::string name;  // the URL, or the scenario's name
    Target target;     // its path is that of endpoints[0] unless a scenario says otherwise
    std::optional<tls::ClientSettings> tls;  // of https://
    std::vector<Endpoint> endpoints;
    std::vector<std::string> tokens;  // connection i sends the (i mod n)-th as `Authorization: Bearer`; empty: none

    bool is_open_loop = true;
    ArrivalPlan arrivals;  // open loop
    Stages users;          // closed loop
    ThinkTime think;
    std::uint64_t requests_count_max = 0;  // measured ones; 0: until the time is over
    double warmup_s = 0;
    double duration_s = 10;                // measured; after the warm-up

    std::uint32_t connections_count = 10;  // open loop; in a closed loop each user has one
    std::uint32_t threads_count = 1;
    std::vector<unsigned> cores;           // empty: the last ones that the process may use
    std::uint32_t pipeline_depth = 1;
    std::uint64_t requests_per_connection_max = 0;  // 0: no end
    std::uint64_t timeout_ns = 10'000'000'000;
    std::uint64_t spin_ns = 50'000;  // how long before a request is due a load thread polls instead of sleeping
    std::uint64_t seed = 1;

    std::uint32_t batch_count = 0;  // samples in a request; 0: the body is sent as it is
    std::uint32_t devices_count = 1000;
    std::string device_prefix = "device-";
    double zipf_exponent = 0;       // 0: uniform
    std::optional<ContentCoding> coding;  // of bodies; else that of each format
    bool is_chunked = false;        // bodies are sent without their length

    std::vector<Threshold> thresholds;
    ValidityBounds bounds;
    std::string ledger_path;

    // Users of a closed loop, at most; connections of an open one.
    [[nodiscard]] std::uint32_t sockets_count() const {
        return is_open_loop ? connections_count : static_cast<std::uint32_t>(users.level_max());
    }
};

}  // namespace sluice::load
