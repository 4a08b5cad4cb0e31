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

// Text, or a whole number as text.
// No fractions: a time needs its unit, and `zipf` is written as text.
std::optional<std::string> text_of(const toml::node& node) {
    if (const auto text = node.value_exact<std::string>()) return text;
    if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
    return std::nullopt;
}

std::string place_of(const toml::node& node) { return "line " + std::to_string(node.source().begin.line); }

Result<void> read_load_table(const toml::table& table, RunOptions& options) {
    // Looked at before the loop, which fills the same options.
    const bool is_shape_given = std::any_of(load_shapes.begin(), load_shapes.end(),
                                            [&](const auto member) { return !(options.*member).empty(); });
    for (const auto& [key, node] : table) {
        const auto known =
            std::find_if(load_keys.begin(), load_keys.end(), [&](const LoadKey& one) { return one.name == key.str(); });
        if (known == load_keys.end())
            return wrong("[load] has no key " + quoted(key.str(), 64) + " (" + place_of(node) + ")");
        const auto text = text_of(node);
        if (!text) return wrong("[load] " + std::string(known->name) + " must be text (" + place_of(node) + ")");
        const bool is_shape = std::find(load_shapes.begin(), load_shapes.end(), known->option) != load_shapes.end() ||
                              known->option == &RunOptions::duration || known->option == &RunOptions::think;
        if ((options.*known->option).empty() && !(is_shape && is_shape_given)) options.*known->option = *text;
    }
    return {};
}

Result<void> read_endpoint_headers(const toml::node& node, Endpoint& endpoint) {
    const toml::table* const table = node.as_table();
    if (table == nullptr) return wrong("headers must be a table (" + place_of(node) + ")");
    for (const auto& [name, value] : *table) {
        const auto text = text_of(value);
        if (!text || !is_header_name(name.str()) || !is_header_value(*text))
            return wrong("the header " + quoted(name.str(), 64) + " must be a name and text of one line (" +
                         place_of(value) + ")");
        endpoint.headers.emplace_back(std::string(name.str()), *text);
    }
    return {};
}

// Headers and body are checked further by plan_of(), as those of the command line.
Result<Endpoint> endpoint_of(const toml::table& table) {
    Endpoint endpoint;
    // Not given: GET or POST, by whether there is a body.
    endpoint.method.clear();
    std::string check, status;
    for (const auto& [key, node] : table) {
        if (key.str() == "headers") {
            if (const auto done = read_endpoint_headers(node, endpoint); !done) return std::unexpected(done.error());
            continue;
        }
        if (key.str() == "weight") {
            const auto weight = node.value<double>();
            if (!weight || !(*weight > 0)) return wrong("weight must be above 0 (" + place_of(node) + ")");
            endpoint.weight = *weight;
            continue;
        }
        const auto text = text_of(node);
        std::string* const into = key.str() == "name"     ? &endpoint.name
                                  : key.str() == "method" ? &endpoint.method
                                  : key.str() == "path"   ? &endpoint.path
                                  : key.str() == "body"   ? &endpoint.body
                                  : key.str() == "check"  ? &check
                                  : key.str() == "status" ? &status
                                                          : nullptr;
        if (into == nullptr || !text)
            return wrong("[[endpoint]] has no key " + quoted(key.str(), 64) + ", or it is no text (" + place_of(node) +
                         ")");
        *into = *text;
    }
    // It is part of the request line as it is, where a blank would end it (RFC 9112 section 3).
    const bool is_path = endpoint.path.starts_with('/') && std::all_of(endpoint.path.begin(), endpoint.path.end(),
                                                                       [](char c) { return c > ' ' && c <= '~'; });
    if (!is_path) return wrong("[[endpoint]] path must begin with / and have no blanks (" + place_of(table) + ")");
    if (const auto done = read_check(check, status, endpoint.check); !done) return std::unexpected(done.error());
    return endpoint;
}

Result<void> read_document(const toml::table& document, RunOptions& options) {
    for (const auto& [key, node] : document) {
        if (key.str() == "name" || key.str() == "description") {
            const auto text = text_of(node);
            if (!text) return wrong(std::string(key.str()) + " must be text (" + place_of(node) + ")");
            if (key.str() == "name") options.name = *text;
        } else if (key.str() == "load" && node.is_table()) {
            if (const auto done = read_load_table(*node.as_table(), options); !done) return done;
        } else if (key.str() == "thresholds" && node.is_array()) {
            // Those of the command line replace all of these. What is no text becomes empty, and parse_threshold()
            // refuses it.
            if (!options.thresholds.empty()) continue;
            for (const toml::node& one : *node.as_array()) options.thresholds.push_back(text_of(one).value_or(""));
        } else if (key.str() == "endpoint" && node.is_array_of_tables()) {
            for (const toml::node& one : *node.as_array()) {
                auto endpoint = endpoint_of(*one.as_table());
                if (!endpoint) return std::unexpected(endpoint.error());
                options.endpoints.push_back(std::move(*endpoint));
            }
        } else {
            return wrong("a scenario has no " + quoted(key.str(), 64) + " of this form (" + place_of(node) +
                         "); it has name, description, thresholds, [load] and [[endpoint]]");
        }
    }
    if (options.endpoints.empty()) return wrong("a scenario needs an [[endpoint]]");
    return {};
}

}  // namespace

std::expected<void, PlanError> read_scenario(RunOptions& options) {
    if (options.scenario.empty()) return {};
    if (options.is_sample || !options.body.empty() || !options.body_file.empty() || !options.method.empty())
        return wrong("--scenario says what is sent; leave --sample, --body, --body-file and --method out");
    // A URL that is wrong otherwise is told with the rest of the command line.
    if (const auto target = parse_target(options.url); target && target->path != "/")
        return wrong("the endpoints of --scenario have paths of their own; leave path and query out of the URL");
    const toml::parse_result parsed = toml::parse_file(options.scenario);
    if (!parsed)
        return wrong(options.scenario + " line " + std::to_string(parsed.error().source().begin.line) + ": " +
                     std::string(parsed.error().description()));
    if (const auto done = read_document(parsed.table(), options); !done)
        return wrong(options.scenario + ": " + done.error().sentence);
    // --check and --status of the command line replace those of every endpoint.
    for (Endpoint& endpoint : options.endpoints)
        if (const auto done = read_check(options.check, options.status, endpoint.check); !done) return done;
    return {};
}

}  // namespace sluice::load
