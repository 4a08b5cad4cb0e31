// What clients of InfluxDB ask for beside writing: /ping, /query, health and readiness. On data listeners, by the
// reactor's thread. /query answers what clients want to know before they write, and nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/http/application.hpp"
#include "engine/http/router.hpp"

namespace sluice {

enum class InfluxPage : std::uint16_t { ping, ping_v2, query, health, ready };

// Targets of the gate's routes: above those of AdminPage, below Gate::format_target_min.
inline constexpr std::uint16_t influx_page_target_min = 128;

[[nodiscard]] constexpr std::uint16_t influx_page_target(InfluxPage page) {
    return static_cast<std::uint16_t>(influx_page_target_min + static_cast<unsigned>(page));
}

struct InfluxPageRow {
    std::string_view path;
    http::Methods methods;
    InfluxPage page;
    bool is_v2 = false;  // of InfluxDB 2, with its errors

    [[nodiscard]] http::Route route() const { return {path, methods, influx_page_target(page)}; }
    // The path of the ingest endpoint whose errors it has.
    [[nodiscard]] std::string_view errors_like() const { return is_v2 ? "/api/v2/write" : "/write"; }
};

// /health and /ready are the engine's own; those of InfluxDB 2 are below /influx alone.
inline constexpr std::array influx_pages{
    InfluxPageRow{"/ping", http::Methods::get, InfluxPage::ping},
    InfluxPageRow{"/influx/ping", http::Methods::get, InfluxPage::ping},
    InfluxPageRow{"/api/v2/ping", http::Methods::get, InfluxPage::ping_v2, true},
    InfluxPageRow{"/influx/api/v2/ping", http::Methods::get, InfluxPage::ping_v2, true},
    InfluxPageRow{"/query", http::Methods::get_and_post, InfluxPage::query},
    InfluxPageRow{"/influx/query", http::Methods::get_and_post, InfluxPage::query},
    InfluxPageRow{"/influx/health", http::Methods::get, InfluxPage::health, true},
    InfluxPageRow{"/influx/ready", http::Methods::get, InfluxPage::ready, true},
};

struct InfluxState {
    std::string_view not_ready_reason;  // one sentence; empty: telemetry is taken and delivered
    std::int64_t started_ns;            // since 1970
    std::int64_t now_ns;                // since 1970
};

// Fills the response. `page` is one of influx_pages; `state` is looked at by health and readiness alone.
void answer_influx_page(InfluxPage page, const http::Request& request, const InfluxState& state,
                        http::Response& response, http::BlockPool& blocks);

}  // namespace sluice
