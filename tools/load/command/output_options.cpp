#include "tools/load/command/output_options.hpp"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "engine/core/escape.hpp"
#include "tools/load/command/option_values.hpp"
#include "tools/load/plan/secrets.hpp"

namespace sluice::load {
namespace {

// Names the first two whose path is `-`.
Result<void> check_standard_output(std::initializer_list<std::pair<std::string_view, const std::string*>> paths) {
    std::string_view first;
    for (const auto& [option, path] : paths) {
        if (*path != "-") continue;
        if (!first.empty())
            return wrong(std::string(first) + " and " + std::string(option) + " would both be standard output");
        first = option;
    }
    return {};
}

// Checked before the run, because a wrong URL would only show as points that are lost. User and password in it are
// allowed, and not shown.
Result<void> check_influx_url(const std::string& url) {
    const auto wrong_url = [&](std::string_view why) {
        return wrong("--influx: " + quoted(without_secrets(url), 128) + " " + std::string(why));
    };
    const std::size_t host = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : url.size();
    const bool is_visible = std::ranges::all_of(url, [](char c) { return c > ' ' && c <= '~'; });
    if (host >= url.size() || url[host] == '/' || !is_visible)
        return wrong_url("is no URL of the form http://host[:port]");
    if (url.find_first_of("?#") != std::string::npos)
        return wrong_url("has a query; name the database with --influx-database, or the bucket with --influx-bucket");
    if (url.ends_with("/write")) return wrong_url("has a path that sluice-load appends itself; leave /write out");
    return {};
}

}  // namespace

Result<void> check_outputs(const Outputs& outputs) {
    if (const auto done = check_standard_output({{"--json", &outputs.json},
                                                 {"--csv", &outputs.csv},
                                                 {"--hgrm", &outputs.hgrm},
                                                 {"--hlog", &outputs.hlog},
                                                 {"--html", &outputs.html}});
        !done)
        return done;
    if (outputs.influx_url.empty()) {
        for (const auto& [option, value] : {std::pair{"--influx-database", &outputs.influx_database},
                                            {"--influx-bucket", &outputs.influx_bucket},
                                            {"--influx-org", &outputs.influx_organization},
                                            {"--influx-token", &outputs.influx_token}})
            if (!value->empty()) return wrong(std::string(option) + " needs --influx, which says where InfluxDB is");
        return {};
    }
    if (const auto done = check_influx_url(outputs.influx_url); !done) return done;
    // Without a bucket it is InfluxDB 1, whose database has a default. InfluxDB 2 needs bucket, organization and token,
    // which have none.
    if (outputs.influx_bucket.empty()) {
        if (!outputs.influx_organization.empty())
            return wrong("--influx-org is of InfluxDB 2; give --influx-bucket as well");
        return {};
    }
    if (!outputs.influx_database.empty())
        return wrong("--influx-database is of InfluxDB 1 and --influx-bucket of InfluxDB 2; choose one of them");
    if (outputs.influx_organization.empty()) return wrong("--influx-bucket needs --influx-org");
    if (influx_target_of(outputs).token.empty())
        return wrong("--influx-bucket needs a token: INFLUX_TOKEN in the environment, or --influx-token");
    return {};
}

Result<void> check_outputs(const ComparePlan& plan) {
    return check_standard_output(
        {{"--json", &plan.json_path}, {"--markdown", &plan.markdown_path}, {"--html", &plan.html_path}});
}

// The option wins over the environment. A token on the command line can be seen by other users, in ps(1).
InfluxTarget influx_target_of(const Outputs& outputs) {
    const char* const token = std::getenv("INFLUX_TOKEN");
    return {.url = outputs.influx_url,
            .database = outputs.influx_database.empty() ? "sluice_load" : outputs.influx_database,
            .organization = outputs.influx_organization,
            .bucket = outputs.influx_bucket,
            .token = outputs.influx_token.empty() && token != nullptr ? token : outputs.influx_token};
}

}  // namespace sluice::load
