#include "engine/config/load.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "engine/config/addresses.hpp"
#include "engine/config/credentials.hpp"
#include "engine/config/keys.hpp"
#include "engine/config/relations.hpp"
#include "engine/config/service_variables.hpp"
#include "engine/config/toml_file.hpp"
#include "engine/config/units.hpp"
#include "engine/core/check.hpp"
#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"

namespace sluice::config {
namespace {

using Status = std::expected<void, ConfigError>;

// Variables that begin like settings and are none: for tests, scripts and builds, or read elsewhere.
constexpr std::string_view variable_prefix = "SLUICE_";
constexpr std::string_view config_file_variable = "SLUICE_CONFIG";
constexpr std::string_view other_variables[] = {
    config_file_variable, "SLUICE_SEED",     "SLUICE_CORPORA",   "SLUICE_BIN",    "SLUICE_BINARY",
    "SLUICE_SOURCE_DIR",  "SLUICE_SANITIZE", "SLUICE_SANITIZED", "SLUICE_WERROR", "SLUICE_FUZZ",
};

std::unexpected<ConfigError> failure(std::string_view place, std::string_view rest) {
    return std::unexpected(ConfigError{std::string(place).append(": ").append(rest)});
}

std::string escaped(std::string_view text, std::size_t bytes_max = limits::shown_bytes_max) {
    std::string out;
    append_escaped(out, text, bytes_max);
    return out;
}

// `"a"` of one, `["a", "b"]` of several; a long list is cut.
std::string shown_list(std::span<const std::string> elements) {
    if (elements.size() == 1) return quoted(elements.front(), limits::shown_bytes_max);
    std::string text = "[";
    for (const std::string& element : elements) {
        text.append(text.size() == 1 ? "" : ", ");
        if (text.size() > 4 * limits::shown_bytes_max) return text.append(cut_mark) + "]";
        text.append(quoted(element, limits::shown_bytes_max));
    }
    return text + "]";
}

// In quotation marks where its ends would not be seen.
std::string shown_key(std::string_view key) {
    const bool is_clear = !key.empty() && !key.contains(' ');
    return is_clear ? escaped(key) : quoted(key, limits::shown_bytes_max);
}

std::string unknown_key(std::string_view key) {
    const std::string_view nearest = nearest_key(key);
    if (nearest.empty()) return shown_key(key) + " is not a setting; sluice print-config lists all";
    return shown_key(key) + " is not a setting; the nearest is " + std::string(nearest);
}

std::string unknown_variable(std::string_view name) {
    const std::string_view nearest = nearest_key(name.substr(variable_prefix.size()));
    if (nearest.empty()) return "not a setting; sluice print-config lists all, with their variables";
    return "not a setting; the nearest is " + environment_name(nearest);
}

// A Config that is being put together, and where each of its values came from.
class ConfigBuilder {
  public:
    explicit ConfigBuilder(std::span<const unsigned> allowed_cores)
        : allowed_cores_(allowed_cores), places_(properties().size()) {}

    Config config = default_config();

    // `place` is the beginning of an error sentence: `sluice.toml:7`, `environment SLUICE_ACK`, …
    // `found` is the text as the sentence shows it.
    Status set(const Property& property, std::string_view text, std::string_view found, const std::string& place) {
        if (takes_list(property)) return set_list(property, elements_of(text), place);
        if (const auto assigned = assign(property, config, text); !assigned) {
            return refuse(property, found, assigned.error().reason, place);
        }
        place_of(property.key) = place;
        return {};
    }

    // The sentence shows the element that is wrong, or all of them.
    Status set_list(const Property& property, const std::vector<std::string>& elements, const std::string& place) {
        if (const auto assigned = assign_list(property, config, elements); !assigned) {
            const auto [reason, element] = assigned.error();
            const std::string found =
                element == 0 ? shown_list(elements) : quoted(elements[element - 1], limits::shown_bytes_max);
            return refuse(property, found, reason, place, element);
        }
        place_of(property.key) = place;
        return {};
    }

    // `element` of a list, from 1; 0: the value as a whole.
    static Status refuse(const Property& property, std::string_view found, ValueError error, std::string_view place,
                         std::size_t element = 0) {
        const std::string_view clause = clause_of(error);
        std::string rest = element == 0 ? "" : "element " + std::to_string(element) + " of ";
        rest.append(property.key).append(" is ").append(found);
        if (!clause.empty()) rest.append(", ").append(clause);
        return failure(place, rest.append("; allowed is ").append(allowed_of(property)));
    }

    // What single keys cannot tell, and what follows from several. Once, when all sources have been read.
    // With `warnings`: cores that this process may not use are one.
    Status finish(std::vector<std::string>* warnings);

    // After finish().
    [[nodiscard]] std::vector<EffectiveSetting> effective() const;

  private:
    std::string& place_of(std::string_view key) {
        const Property* const property = find_property(key);
        CHECK(property != nullptr);
        return places_[static_cast<std::size_t>(property - properties().data())];
    }

    // Blames the place of whichever key was set.
    Status broken(const Relation& relation) {
        const std::string& place = place_of(place_of(relation.key).empty() ? relation.other : relation.key);
        const auto value = [&](std::string_view key) {
            const std::string text = text_of(*find_property(key), config);
            return text.empty() ? "not set" : escaped(text);
        };
        return failure(place, std::string(relation.key)
                                  .append(" is ")
                                  .append(value(relation.key))
                                  .append(", but ")
                                  .append(relation.needs)
                                  .append(" ")
                                  .append(relation.other)
                                  .append(", which is ")
                                  .append(value(relation.other)));
    }

    Status check_relations();
    // The one check that depends on the machine, hence of the effective value only.
    Status resolve_cores(std::vector<std::string>* warnings);
    Status check_cores();
    void merge_credentials();

    std::span<const unsigned> allowed_cores_;
    std::vector<std::string> places_;  // of each property, by index; empty: the default
    Config written_;                   // before finish() put in what follows
};

Status ConfigBuilder::check_relations() {
    for (const Relation& relation : relations())
        if (!relation.holds(config)) return broken(relation);
    return {};
}

Status ConfigBuilder::check_cores() {
    for (const unsigned core : config.cores) {
        if (std::ranges::find(allowed_cores_, core) != allowed_cores_.end()) continue;
        return failure(place_of("cores"),
                       "cores is " + quoted(format_cores(config.cores), limits::shown_bytes_max) + ", but core " +
                           std::to_string(core) +
                           " does not exist or is closed to this process; allowed is auto or any of " +
                           format_cores(allowed_cores_));
    }
    return {};
}

Status ConfigBuilder::resolve_cores(std::vector<std::string>* warnings) {
    if (!config.cores.empty()) {
        auto checked = check_cores();
        if (checked || warnings == nullptr) return checked;
        warnings->push_back(std::move(checked).error().sentence);
        return {};
    }
    if (allowed_cores_.empty()) return failure("cores", "the cores that this process may use cannot be read");
    const std::size_t count = std::min(allowed_cores_.size(), limits::reactors_count_max);
    config.cores.assign(allowed_cores_.begin(), allowed_cores_.begin() + static_cast<std::ptrdiff_t>(count));
    return {};
}

void ConfigBuilder::merge_credentials() {
    if (!config.sink.redis.user.empty()) config.sink.url.user = config.sink.redis.user;
    if (!config.sink.redis.password.empty()) config.sink.url.password = config.sink.redis.password;
}

Status ConfigBuilder::finish(std::vector<std::string>* warnings) {
    written_ = config;
    if (auto checked = check_relations(); !checked) return checked;
    if (auto resolved = resolve_cores(warnings); !resolved) return resolved;
    merge_credentials();
    // Where samples go to a journal, that is where they are stored when they are answered: see AckOffer.
    if (config.ack == AckLevel::stored && config.has_journal()) config.ack = AckLevel::journaled;
    return {};
}

std::vector<EffectiveSetting> ConfigBuilder::effective() const {
    std::vector<EffectiveSetting> settings;
    for (std::size_t i = 0; i < places_.size(); ++i) {
        const Property& property = properties()[i];
        const std::string value = text_of(property, config), written = text_of(property, written_);
        std::string origin = places_[i].empty() ? "default" : places_[i];
        if (value != written) origin.append(", written ").append(written);
        settings.push_back({&property, value, std::move(origin)});
    }
    return settings;
}

// --- file ---------------------------------------------------------------------------------------

Status check_group(const FileSetting& setting, const std::string& place) {
    if (is_group(setting.key)) return {};
    if (const Property* const property = find_property(setting.key)) {
        return ConfigBuilder::refuse(*property, "a table", ValueError::malformed, place);
    }
    return failure(place, shown_key(setting.key) + " is not a group of settings; groups are " + groups());
}

// `[0, 2]`, `["0", "2-3"]`.
Status apply_core_array(ConfigBuilder& builder, const Property& property, const FileSetting& setting,
                        const std::string& place) {
    std::string text;
    for (const FileSetting& element : setting.elements) {
        if (element.type != FileSetting::Type::string && element.type != FileSetting::Type::integer)
            return ConfigBuilder::refuse(property, setting.type_name, ValueError::malformed, place);
        text.append(text.empty() ? "" : ",").append(element.text);
    }
    return builder.set(property, text, shown(property, text), place);
}

Status apply_array(ConfigBuilder& builder, const Property& property, const FileSetting& setting,
                   const std::string& place) {
    if (takes_core_list(property)) return apply_core_array(builder, property, setting, place);
    if (!takes_list(property)) return ConfigBuilder::refuse(property, setting.type_name, ValueError::malformed, place);
    std::vector<std::string> elements;
    for (const FileSetting& element : setting.elements) {
        if (element.type != FileSetting::Type::string)
            return ConfigBuilder::refuse(property, element.type_name, ValueError::malformed, place,
                                         elements.size() + 1);
        elements.push_back(element.text);
    }
    return builder.set_list(property, elements, place);
}

Status apply_setting(ConfigBuilder& builder, const FileSetting& setting, const std::string& place) {
    if (setting.type == FileSetting::Type::group) return check_group(setting, place);
    if (is_group(setting.key)) {
        const std::string found = setting.key + " is " + std::string(setting.type_name);
        return failure(place, found + ", but must be a table of settings");
    }
    const Property* const property = find_property(setting.key);
    if (property == nullptr) return failure(place, unknown_key(setting.key));
    if (setting.type == FileSetting::Type::string) {
        const std::string found = shown(*property, setting.text);
        if (takes_string(*property)) return builder.set(*property, setting.text, found, place);
        return ConfigBuilder::refuse(*property, "the string " + found, ValueError::malformed, place);
    }
    if (setting.type == FileSetting::Type::integer) {
        if (takes_integer(*property)) return builder.set(*property, setting.text, setting.text, place);
        const std::string found = is_secret(*property) ? "an integer" : "the integer " + setting.text;
        return ConfigBuilder::refuse(*property, found, ValueError::malformed, place);
    }
    if (setting.type == FileSetting::Type::array) return apply_array(builder, *property, setting, place);
    if (setting.type == FileSetting::Type::boolean && takes_boolean(*property))
        return builder.set(*property, setting.text, setting.text, place);
    return ConfigBuilder::refuse(*property, setting.type_name, ValueError::malformed, place);
}

Status apply_file(ConfigBuilder& builder, const std::string& path) {
    const std::string shown_path = escaped(path, limits::directory_path_bytes_max);
    const auto place = [&](std::uint32_t line) {
        return line == 0 ? shown_path : shown_path + ":" + std::to_string(line);
    };
    const auto settings = read_toml_file(path);
    if (!settings)
        return failure(place(settings.error().line), settings.error().what.substr(0, 4 * limits::shown_bytes_max));
    std::set<std::string_view> seen;  // TOML lets `a.b` and `"a.b"` stand side by side
    for (const FileSetting& setting : *settings) {
        if (!seen.insert(setting.key).second)
            return failure(place(setting.line), shown_key(setting.key) + " is set twice");
        if (auto applied = apply_setting(builder, setting, place(setting.line)); !applied) return applied;
    }
    return {};
}

// --- environment and command line -------------------------------------------------------------------

struct Variable {
    std::string_view name, value;
};

// The variables that begin with SLUICE_, except those that are no settings.
std::vector<Variable> settings_of(std::span<const std::string> environment) {
    std::vector<Variable> variables;
    for (const std::string_view entry : environment) {
        const std::size_t equals = std::min(entry.find('='), entry.size());
        const std::string_view name = entry.substr(0, equals);
        const std::string_view value = entry.substr(std::min(equals + 1, entry.size()));
        const bool is_other =
            is_service_variable(name, value) || std::ranges::find(other_variables, name) != std::end(other_variables);
        if (name.starts_with(variable_prefix) && !is_other) variables.push_back({name, value});
    }
    return variables;
}

Status apply_environment(ConfigBuilder& builder, std::span<const std::string> environment) {
    for (const Variable& variable : settings_of(environment)) {
        const auto is_named = [&](const Property& property) { return environment_name(property.key) == variable.name; };
        const auto property = std::ranges::find_if(properties(), is_named);
        const std::string place = "environment " + escaped(variable.name);
        if (property == properties().end()) return failure(place, unknown_variable(variable.name));
        if (auto set = builder.set(*property, variable.value, shown(*property, variable.value), place); !set)
            return set;
    }
    return {};
}

Status apply_overrides(ConfigBuilder& builder, std::span<const Override> overrides) {
    std::set<std::string_view> seen;
    for (const Override& setting : overrides) {
        const std::string place = "command line " + setting.option;
        const Property* const property = find_property(setting.key);
        if (property == nullptr) return failure(place, unknown_key(setting.key));
        if (!seen.insert(setting.key).second) return failure(place, setting.key + " is set twice");
        if (auto set = builder.set(*property, setting.value, shown(*property, setting.value), place); !set) return set;
    }
    return {};
}

Status apply_all(ConfigBuilder& builder, const Overrides& overrides, const Environment& environment) {
    Status applied;
    const std::string file = file_of(overrides, environment);
    if (!file.empty()) applied = apply_file(builder, file);
    if (applied) applied = apply_environment(builder, environment.variables);
    if (applied) applied = apply_overrides(builder, overrides.settings);
    return applied;
}

std::vector<unsigned> allowed_cores_of_process() {
    std::array<cpu_set_t, (limits::core_number_max + CPU_SETSIZE) / CPU_SETSIZE> sets{};
    std::vector<unsigned> cores;
    if (::sched_getaffinity(0, sizeof(sets), sets.data()) != 0) return cores;
    for (unsigned core = 0; core <= limits::core_number_max; ++core) {
        if (CPU_ISSET_S(core, sizeof(sets), sets.data())) cores.push_back(core);
    }
    return cores;
}

}  // namespace

Environment Environment::of_process() {
    Environment environment{.variables = {}, .allowed_cores = allowed_cores_of_process()};
    for (char** entry = ::environ; *entry != nullptr; ++entry) environment.variables.emplace_back(*entry);
    return environment;
}

std::string file_of(const Overrides& overrides, const Environment& environment) {
    if (!overrides.config_file.empty()) return overrides.config_file;
    const std::string prefix = std::string(config_file_variable) + "=";
    const auto entry =
        std::ranges::find_if(environment.variables, [&](const std::string& e) { return e.starts_with(prefix); });
    return entry == environment.variables.end() ? std::string() : entry->substr(prefix.size());
}

std::expected<Config, ConfigError> load_config(const Overrides& overrides, const Environment& environment) {
    ConfigBuilder builder(environment.allowed_cores);
    auto applied = apply_all(builder, overrides, environment);
    if (applied) applied = builder.finish(nullptr);
    if (!applied) return std::unexpected(std::move(applied).error());
    find_credentials(builder.config, environment.variables);
    return std::move(builder.config);
}

std::expected<Inspection, ConfigError> inspect_config(const Overrides& overrides, const Environment& environment) {
    ConfigBuilder builder(environment.allowed_cores);
    std::vector<std::string> warnings;
    auto applied = apply_all(builder, overrides, environment);
    if (applied) applied = builder.finish(&warnings);
    if (!applied) return std::unexpected(std::move(applied).error());
    find_credentials(builder.config, environment.variables);
    auto settings = builder.effective();
    return Inspection{std::move(builder.config), std::move(settings), std::move(warnings)};
}

std::expected<Config, ConfigError> load_config(const Overrides& overrides) {
    return load_config(overrides, Environment::of_process());
}

}  // namespace sluice::config
