// Scenario files: a load, its endpoints and its thresholds, in TOML. Keys are the names of the options.
// docs/load-scenarios.md describes them; a test compares.
//
//   name = "high_concurrency"
//   thresholds = ["p95<200ms", "errors<1%"]
//   [load]
//   user-stages = "10s@50,20s@100"
//   think = "0.5s"
//   [[endpoint]]
//   path = "/telemetry"
//   body = '{"device_id":"{device}"}'
//   check = "ok=true"
#include <toml++/toml.h>

#include <algorithm>
#include <array>

#include "engine/config/toml_file.hpp"
#include "tools/load/command/option_values.hpp"
#include "tools/load/command/run_options.hpp"

namespace sluice::load {
namespace {

// A key of [load] and the option that it stands for. Their values have the same form.
struct LoadKey {
    std::string_view name;
    std::string RunOptions::* option;
};
constexpr std::array load_keys{
    LoadKey{"rate", &RunOptions::rate},
    LoadKey{"stages", &RunOptions::stages},
    LoadKey{"arrivals", &RunOptions::arrivals},
    LoadKey{"users", &RunOptions::users},
    LoadKey{"user-stages", &RunOptions::user_stages},
    LoadKey{"think", &RunOptions::think},
    LoadKey{"duration", &RunOptions::duration},
    LoadKey{"warmup", &RunOptions::warmup},
    LoadKey{"timeout", &RunOptions::timeout},
    LoadKey{"connections", &RunOptions::connections},
    LoadKey{"pipeline", &RunOptions::pipeline},
    LoadKey{"batch", &RunOptions::batch},
    LoadKey{"devices", &RunOptions::devices},
    LoadKey{"device-prefix", &RunOptions::device_prefix},
    LoadKey{"zipf", &RunOptions::zipf},
};

// These say how much and how long; a command line that gives any of them replaces all of the file's.
constexpr std::array load_shapes{&RunOptions::rate,  &RunOptions::stages,      &RunOptions::arrivals,
                                 &RunOptions::users, &RunOptions::user_stages, &RunOptions::requests};

constexpr std::size_t path_bytes_max = 4096;  // PATH_MAX of Linux

// A path may hold any byte.
std::string shown_path(const std::string& path) {
    std::string shown;
    append_escaped(shown, path, path_bytes_max);
    return shown;
}

// Text, or a whole number as text.
// No fractions: a time needs its unit, and `zipf` is written as text.
std::optional<std::string> text_or_number_of(const toml::node& node) {
    if (const auto text = node.value_exact<std::string>()) return text;
    if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
    return std::nullopt;
}

std::unexpected<PlanError> wrong_at(const toml::node& node, const std::string& sentence) {
    return wrong(sentence + " (line " + std::to_string(node.source().begin.line) + ")");
}

Result<void> read_text(std::string_view key, const toml::node& node, std::string& into) {
    const auto text = node.value_exact<std::string>();
    if (!text) return wrong_at(node, std::string(key) + " must be text, in quotes");
    into = *text;
    return {};
}

Result<void> read_template(std::string_view key, const toml::node& node, std::string& into) {
    if (const auto done = read_text(key, node, into); !done) return done;
    if (const auto parsed = parse_body_template(into); !parsed)
        return wrong_at(node, std::string(key) + ": " + parsed.error().sentence);
    return {};
}

Result<void> read_load_table(const toml::table& table, RunOptions& options) {
    // Looked at before the loop, which fills the same options.
    const bool is_shape_given = std::any_of(load_shapes.begin(), load_shapes.end(),
                                            [&](const auto member) { return !(options.*member).empty(); });
    for (const auto& [key, node] : table) {
        const auto known =
            std::find_if(load_keys.begin(), load_keys.end(), [&](const LoadKey& one) { return one.name == key.str(); });
        if (known == load_keys.end()) return wrong_at(node, "[load] has no key " + quoted(key.str(), 64));
        const std::string name(known->name);
        const auto text = text_or_number_of(node);
        if (!text) return wrong_at(node, "[load] " + name + " must be a whole number, or text in quotes");
        if (text->empty()) return wrong_at(node, "[load] " + name + " must not be empty");
        const bool is_shape = std::find(load_shapes.begin(), load_shapes.end(), known->option) != load_shapes.end() ||
                              known->option == &RunOptions::duration || known->option == &RunOptions::think;
        if (!(options.*known->option).empty() || (is_shape && is_shape_given)) continue;
        options.*known->option = *text;
        options.scenario_options.push_back(
            {"--" + name, shown_path(options.scenario) + ": [load] " + name, node.source().begin.line});
    }
    return {};
}

Result<void> read_endpoint_headers(const toml::node& node, Endpoint& endpoint) {
    const toml::table* const table = node.as_table();
    if (table == nullptr) return wrong_at(node, "headers must be a table, such as { X-Key = \"abc\" }");
    for (const auto& [key, value] : *table) {
        const std::string name(key.str()), shown = "the header " + quoted(name, 64);
        if (!is_header_name(name)) return wrong_at(value, shown + " has a name that no header has");
        if (is_own_header(name)) return wrong_at(value, shown + " is written by sluice-load itself");
        std::string text;
        if (const auto done = read_template(shown, value, text); !done) return done;
        if (!is_header_value(text)) return wrong_at(value, shown + " must be text of one line");
        endpoint.headers.emplace_back(name, std::move(text));
    }
    return {};
}

// It is part of the request line as it is, where a blank would end it (RFC 9112 section 3).
Result<void> read_path(const toml::node& node, std::string& path) {
    if (const auto done = read_template("path", node, path); !done) return done;
    const bool is_path = path.starts_with('/') && std::ranges::all_of(path, [](char c) { return c > ' ' && c <= '~'; });
    if (!is_path) return wrong_at(node, "path must begin with / and have no blanks");
    return {};
}

Result<void> read_method(const toml::node& node, std::string& method) {
    if (const auto done = read_text("method", node, method); !done) return done;
    if (!is_method(method))
        return wrong_at(node, "method: " + quoted(method, 64) + " is no method; write it in capitals");
    return {};
}

Result<void> read_format(const toml::node& node, std::optional<BodyFormat>& format) {
    std::string name;
    if (const auto done = read_text("format", node, name); !done) return done;
    const auto done = read("format", name, parse_body_format, format);
    return done ? done : wrong_at(node, done.error().sentence);
}

Result<void> read_weight(const toml::node& node, double& weight) {
    const auto number = node.value<double>();
    if (!number || !(*number > 0)) return wrong_at(node, "weight must be a number above 0");
    weight = *number;
    return {};
}

Result<void> read_endpoint_check(const toml::node& node, const std::string& check, const std::string& status,
                                 ResponseCheck& into) {
    const auto done = read_check(check, status, into, "");
    return done ? done : wrong_at(node, done.error().sentence);
}

Result<void> read_check_text(const toml::node& node, ResponseCheck& into) {
    std::string text;
    if (const auto done = read_text("check", node, text); !done) return done;
    return read_endpoint_check(node, text, "", into);
}

Result<void> read_status(const toml::node& node, ResponseCheck& into) {
    const auto text = text_or_number_of(node);
    if (!text) return wrong_at(node, "status must be a whole number, or text in quotes");
    return read_endpoint_check(node, "", *text, into);
}

Result<void> read_endpoint_key(const toml::key& key, const toml::node& node, Endpoint& endpoint) {
    if (key.str() == "name") return read_text("name", node, endpoint.name);
    if (key.str() == "weight") return read_weight(node, endpoint.weight);
    if (key.str() == "method") return read_method(node, endpoint.method);
    if (key.str() == "path") return read_path(node, endpoint.path);
    if (key.str() == "headers") return read_endpoint_headers(node, endpoint);
    if (key.str() == "body") return read_template("body", node, endpoint.body);
    if (key.str() == "format") return read_format(node, endpoint.format);
    if (key.str() == "status") return read_status(node, endpoint.check);
    if (key.str() == "check") return read_check_text(node, endpoint.check);
    return wrong_at(node, "[[endpoint]] has no key " + quoted(key.str(), 64));
}

// The rest is checked by plan_of(), as what the command line describes.
Result<Endpoint> endpoint_of(const toml::table& table) {
    Endpoint endpoint;
    // Not given: GET or POST, by whether there is a body.
    endpoint.method.clear();
    for (const auto& [key, node] : table)
        if (const auto done = read_endpoint_key(key, node, endpoint); !done) return std::unexpected(done.error());
    return endpoint;
}

// Those of the command line replace all of these.
Result<void> read_thresholds(const toml::array& list, RunOptions& options) {
    std::vector<std::string> thresholds;
    for (const toml::node& one : list) {
        if (const auto done = read_text("thresholds: each", one, thresholds.emplace_back()); !done) return done;
        if (const auto parsed = parse_threshold(thresholds.back()); !parsed)
            return wrong_at(one, "thresholds: " + parsed.error().sentence);
    }
    if (options.thresholds.empty()) options.thresholds = std::move(thresholds);
    return {};
}

Result<void> read_endpoints(const toml::array& tables, RunOptions& options) {
    for (const toml::node& one : tables) {
        auto endpoint = endpoint_of(*one.as_table());
        if (!endpoint) return std::unexpected(endpoint.error());
        options.endpoints.push_back(std::move(*endpoint));
    }
    return {};
}

Result<void> read_top(const toml::key& key, const toml::node& node, RunOptions& options) {
    std::string description;  // for readers only
    if (key.str() == "name") return read_text("name", node, options.name);
    if (key.str() == "description") return read_text("description", node, description);
    if (key.str() == "load" && node.is_table()) return read_load_table(*node.as_table(), options);
    if (key.str() == "thresholds" && node.is_array()) return read_thresholds(*node.as_array(), options);
    if (key.str() == "endpoint" && node.is_array_of_tables()) return read_endpoints(*node.as_array(), options);
    return wrong_at(node, "a scenario has no " + quoted(key.str(), 64) +
                              " of this form; it has name, description, thresholds, [load] and [[endpoint]]");
}

Result<void> read_document(const toml::table& document, RunOptions& options) {
    for (const auto& [key, node] : document)
        if (const auto done = read_top(key, node, options); !done) return done;
    if (options.endpoints.empty()) return wrong("a scenario needs an [[endpoint]]");
    return {};
}

Result<void> read_file(RunOptions& options) {
    const auto text = config::read_toml_text(options.scenario);
    if (!text) return wrong(text.error().what);
    const toml::parse_result parsed = toml::parse(std::string_view(*text));
    if (parsed) return read_document(parsed.table(), options);
    const toml::parse_error& error = parsed.error();
    return wrong("is not TOML: " + config::toml_fault_in_our_words(error.description()) + " (line " +
                 std::to_string(error.source().begin.line) + ")");
}

}  // namespace

std::expected<void, PlanError> read_scenario(RunOptions& options) {
    if (options.scenario.empty()) return {};
    if (options.is_sample || !options.body.empty() || !options.body_file.empty() || !options.format.empty() ||
        !options.method.empty())
        return wrong("--scenario says what is sent; leave --sample, --body, --body-file, --format and --method out");
    // A URL that is wrong otherwise is told with the rest of the command line.
    if (const auto target = parse_target(options.url); target && target->path != "/")
        return wrong("the endpoints of --scenario have paths of their own; leave path and query out of the URL");
    if (const auto done = read_file(options); !done)
        return wrong(shown_path(options.scenario) + ": " + done.error().sentence);
    // --check and --status of the command line replace those of every endpoint.
    for (Endpoint& endpoint : options.endpoints)
        if (const auto done = read_check(options.check, options.status, endpoint.check); !done) return done;
    return {};
}

}  // namespace sluice::load
