#include "tools/load/command/output_options.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/core/escape.hpp"
#include "tools/load/command/option_values.hpp"
#include "tools/load/plan/secrets.hpp"
#include "tools/load/report/output_file.hpp"

namespace sluice::load {
namespace {

struct NamedPath {
    std::string_view option;
    std::string path;
    bool is_pem = false;  // of TLS: one file may hold all that is read
};

std::vector<NamedPath> named(const OtherFiles& inputs) {
    return {{"--scenario", inputs.scenario}, {"--body-file", inputs.body_file}, {"--header-file", inputs.header_file},
            {"--tenants", inputs.tenants},   {"--ca", inputs.ca, true},         {"--cert", inputs.certificate, true},
            {"--key", inputs.key, true},     {"--ledger", inputs.ledger}};
}

// Behind the inputs.
std::vector<NamedPath> with(std::vector<NamedPath> paths, std::initializer_list<NamedPath> outputs) {
    paths.insert(paths.end(), outputs);
    return paths;
}

// Where the path leads: `-`, or without links, `.` and `..`, as far as the file system knows.
std::string place_of(const std::string& path) {
    if (path == "-") return path;
    std::error_code error;
    const auto place = std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error);
    return error ? path : place.string();
}

// What a device or a pipe is given from two sides is not lost.
bool is_no_plain_file(const std::string& path) {
    std::error_code error;
    return path != "-" && std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error);
}

// Links of either kind are seen through.
bool is_same_place(const std::string& one, const std::string& other) {
    std::error_code error;
    return place_of(one) == place_of(other) || std::filesystem::equivalent(one, other, error);
}

// A terminal shows what it is given, so it counts; a device that keeps nothing, such as /dev/null, does not.
bool is_stdout(const std::string& path) {
    struct stat of_path{}, of_stdout{};
    if (path.empty() || ::stat(path.c_str(), &of_path) != 0 || ::fstat(STDOUT_FILENO, &of_stdout) != 0) return false;
    const bool is_shown = !S_ISCHR(of_stdout.st_mode) || ::isatty(STDOUT_FILENO) == 1;
    return is_shown && of_path.st_dev == of_stdout.st_dev && of_path.st_ino == of_stdout.st_ino;
}

void resolve(std::initializer_list<std::string*> paths) {
    for (std::string* const path : paths)
        if (is_stdout(*path)) *path = "-";
}

// Names the first two that would write into one file, or of which one would overwrite what the other reads.
Result<void> check_different(const std::vector<NamedPath>& paths) {
    for (std::size_t i = 0; i < paths.size(); ++i) {
        if (paths[i].path.empty() || is_no_plain_file(paths[i].path)) continue;
        for (std::size_t j = 0; j < i; ++j) {
            if (paths[i].is_pem && paths[j].is_pem) continue;
            if (paths[j].path.empty() || !is_same_place(paths[i].path, paths[j].path)) continue;
            const std::string both = std::string(paths[j].option) + " and " + std::string(paths[i].option);
            return wrong(both + (paths[i].path == "-" ? " would both be standard output"
                                                      : " name the same file, " + quoted(paths[i].path, 256)));
        }
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

void resolve_stdout(Outputs& outputs) {
    resolve({&outputs.json, &outputs.csv, &outputs.hgrm, &outputs.hlog, &outputs.html});
}
void resolve_stdout(ComparePlan& plan) { resolve({&plan.json_path, &plan.markdown_path, &plan.html_path}); }
void resolve_stdout(VerifyPlan& plan) { resolve({&plan.json_path}); }

Result<void> check_outputs(const Outputs& outputs, const OtherFiles& inputs) {
    const bool has_hgrm_file = !outputs.hgrm.empty() && outputs.hgrm != "-";
    const auto hgrm_named = [&](std::string_view name) {
        return has_hgrm_file ? path_with_name(outputs.hgrm, name) : std::string();
    };
    if (const auto done = check_different(with(named(inputs), {{"--json", outputs.json},
                                                               {"--csv", outputs.csv},
                                                               {"--hgrm", outputs.hgrm},
                                                               {"--hgrm (uncorrected)", hgrm_named("uncorrected")},
                                                               {"--hgrm (lag)", hgrm_named("lag")},
                                                               {"--hlog", outputs.hlog},
                                                               {"--html", outputs.html}}));
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

Result<void> check_outputs(const ComparePlan& plan, const OtherFiles& inputs) {
    return check_different(with(
        named(inputs), {{"--json", plan.json_path}, {"--markdown", plan.markdown_path}, {"--html", plan.html_path}}));
}

Result<void> check_outputs(const VerifyPlan& plan) {
    return check_different({{"--ledger", plan.ledger_path}, {"--json", plan.json_path}});
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
