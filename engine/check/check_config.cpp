#include "engine/check/check_config.hpp"

#include <utility>

#include "engine/check/machine.hpp"
#include "engine/config/service_variables.hpp"
#include "engine/core/clock.hpp"
#include "engine/runtime/access_files.hpp"
#include "engine/runtime/watch_settings.hpp"
#include "engine/watch/watcher.hpp"

namespace sluice::check {
namespace {

// A line for each thing that the operator may not expect.
class Lines {
  public:
    explicit Lines(std::string file) : file_(std::move(file)) {}
    void add(std::string_view kind, std::string_view sentence) {
        text_.append(file_).append(": ").append(kind).append(": ").append(sentence).append("\n");
    }
    void warn(std::string_view sentence) {
        add("warning", sentence);
        ++warnings_count_;
    }
    // Without the last line: what is wrong goes to stderr.
    [[nodiscard]] std::string failed() && { return std::move(text_); }
    [[nodiscard]] std::string finish() && {
        text_.append(file_).append(": ok");
        if (warnings_count_ != 0)
            text_.append(", with ")
                .append(std::to_string(warnings_count_))
                .append(warnings_count_ == 1 ? " warning" : " warnings");
        return std::move(text_.append("\n"));
    }

  private:
    const std::string file_;
    std::string text_;
    int warnings_count_ = 0;
};

void add_variables(const config::Inspection& inspection, const config::Environment& environment, Lines& lines) {
    for (const config::EffectiveSetting& setting : inspection.settings)
        if (setting.origin.starts_with("environment "))
            lines.add("note", std::string(setting.property->key) + " is " +
                                  (setting.value.empty() ? "empty" : setting.value) + ", from " + setting.origin);
    for (const std::string& name : config::service_variables(environment.variables))
        lines.add("note", name + " is ignored: Kubernetes makes it of a Service");
}

void add_tenants(const config::Config& config, const tenants::TenantStore& tenants, Lines& lines) {
    for (const std::string& warning : tenants.warnings()) lines.warn("tenants.file: " + warning);
    for (const std::string& warning : tenant_warnings(config, *tenants.table(), unix_ns() / 1'000'000'000))
        lines.warn("tenants.file: " + warning);
}

void add_remarks(const std::vector<watch::Remark>& remarks, Lines& lines) {
    for (const watch::Remark& remark : remarks) {
        const std::string sentence = remark.event + ": " + remark.reason + "; change: " + remark.change;
        if (remark.is_warning) lines.warn(sentence);
        else lines.add("note", sentence);
    }
}

std::string entries_text(std::optional<std::uint64_t> count) {
    if (!count) return "how many entries are there is not known";
    return std::to_string(*count) + (*count == 1 ? " entry is there" : " entries are there");
}

// Asks what the watcher would ask, once, and whether samples would be taken.
void ask_redis(const config::Config& config, Lines& lines, std::string& error) {
    const auto settings = watcher_settings(config);
    if (!settings) return lines.add("note", "sink.url is " + config.sink.url.display + ": there is no Redis to ask");
    const watch::Findings findings = watch::Watcher::look_once(*settings);
    if (!findings.is_reached) {
        error = findings.error;
        return;
    }
    lines.add("note", config.sink.url.display + " answers; " + entries_text(findings.figures.length_sum));
    add_remarks(findings.remarks, lines);
    error = findings.refusal;
    if (error.empty() && !findings.error.empty()) lines.warn(findings.error);
}

}  // namespace

std::expected<Answer, config::ConfigError> check_config(const config::Invocation& invocation,
                                                        const config::Environment& environment) {
    const std::string file = config::file_of(invocation.overrides, environment);
    if (file.empty())
        return std::unexpected(
            config::ConfigError{"check-config takes one file, such as sluice.toml, or the variable SLUICE_CONFIG; "
                                "see sluice check-config --help"});
    auto inspection = config::inspect_config(invocation.overrides, environment);
    if (!inspection) return std::unexpected(std::move(inspection).error());
    const auto access = read_access_files(inspection->config);
    if (!access) return std::unexpected(config::ConfigError{access.error()});
    Lines lines(file);
    if (access->tenants != nullptr) add_tenants(inspection->config, *access->tenants, lines);
    for (const std::string& warning : inspection->warnings) lines.warn(warning);
    for (const std::string& warning : machine_warnings(inspection->config)) lines.warn(warning);
    add_variables(*inspection, environment, lines);
    Answer answer;
    if (invocation.asks_redis) ask_redis(inspection->config, lines, answer.error);
    answer.text = answer.error.empty() ? std::move(lines).finish() : std::move(lines).failed();
    return answer;
}

}  // namespace sluice::check
