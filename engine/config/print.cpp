#include "engine/config/print.hpp"

#include "engine/config/keys.hpp"
#include "engine/core/escape.hpp"

namespace sluice::config {
namespace {

constexpr std::size_t unbounded = std::string_view::npos;  // the declaration is our own text
constexpr EscapeStyle toml_style = EscapeStyle::json;   // TOML 1.0 has \uNNNN as JSON has, and no \xNN

std::string_view group_of(std::string_view key) {
    const std::size_t dot = key.rfind('.');
    return dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot);
}

std::string_view name_in_group(std::string_view key) { return key.substr(key.rfind('.') + 1); }

// `text` as a TOML value: integers and booleans bare, lists as arrays, everything else a string.
std::string toml_value(const Property& property, std::string_view text) {
    if (takes_list(property)) {
        if (text.empty()) return "[]";
        std::string array;
        for (const std::string& element : elements_of(text))
            array.append(array.empty() ? "[" : ", ").append(quoted(element, unbounded, toml_style));
        return array + "]";
    }
    if (takes_string(property)) return quoted(text, unbounded, toml_style);
    return std::string(text);
}

// Opens the table of `property`, if the line before stood in another one.
void begin_group(std::string& out, std::string_view& group, const Property& property) {
    if (group_of(property.key) == group) return;
    group = group_of(property.key);
    out.append("\n[").append(group).append("]\n");
}

std::string print_toml() {
    std::string out =
        "# Configuration of Sluice: every key with its default.\n"
        "# The command line beats the environment, which beats this file.\n";
    std::string_view group;
    for (const Property& property : properties()) {
        begin_group(out, group, property);
        out.append("\n# ").append(property.help).append(".\n# ").append(unit_of(property)).append(": ");
        out.append(bounds_of(property)).append(". ").append(environment_name(property.key)).append("\n");
        out.append(name_in_group(property.key)).append(" = ");
        out.append(toml_value(property, property.default_text)).append("\n");
    }
    return out;
}

std::string print_markdown() {
    std::string out = "| key | unit | default | allowed | change | what it does |\n|---|---|---|---|---|---|\n";
    for (const Property& property : properties()) {
        out.append("| `").append(property.key).append("` | ").append(unit_of(property)).append(" | ");
        if (!property.default_text.empty()) out.append("`").append(property.default_text).append("` ");
        out.append("| ").append(bounds_of(property)).append(" | ").append(name_of(property.reload));
        out.append(" | ").append(property.help).append(" |\n");
    }
    return out;
}

void append_json_member(std::string& out, std::string_view name, std::string_view value) {
    out.append(out.ends_with('{') ? "" : ", ").append(quoted(name, unbounded, EscapeStyle::json)).append(": ");
    out.append(quoted(value, unbounded, EscapeStyle::json));
}

std::string print_json() {
    std::string out = "[";
    for (const Property& property : properties()) {
        out.append(out.ends_with('[') ? "\n  {" : ",\n  {");
        append_json_member(out, "key", property.key);
        append_json_member(out, "unit", unit_of(property));
        append_json_member(out, "default", property.default_text);
        append_json_member(out, "allowed", bounds_of(property));
        append_json_member(out, "environment", environment_name(property.key));
        append_json_member(out, "change", name_of(property.reload));
        append_json_member(out, "help", property.help);
        out += '}';
    }
    return out.append("\n]\n");
}

// --- what counts ------------------------------------------------------------------------------------

std::string effective_toml(const Inspection& inspection) {
    std::string out = "# Configuration of Sluice as it counts here, and where each value is from. Secrets are ***.\n";
    for (const std::string& warning : inspection.warnings) out.append("# warning: ").append(warning).append("\n");
    std::string_view group;
    for (const EffectiveSetting& setting : inspection.settings) {
        begin_group(out, group, *setting.property);
        out.append(name_in_group(setting.property->key)).append(" = ");
        out.append(toml_value(*setting.property, setting.value)).append("  # ").append(setting.origin).append("\n");
    }
    return out;
}

std::string effective_markdown(const Inspection& inspection) {
    std::string out = "| key | value | origin |\n|---|---|---|\n";
    for (const auto& [property, value, origin] : inspection.settings)
        out.append("| `")
            .append(property->key)
            .append("` | ")
            .append(value.empty() ? "" : "`" + value + "`")
            .append(" | ")
            .append(origin)
            .append(" |\n");
    return out;
}

std::string effective_json(const Inspection& inspection) {
    std::string out = "[";
    for (const auto& [property, value, origin] : inspection.settings) {
        out.append(out.ends_with('[') ? "\n  {" : ",\n  {");
        append_json_member(out, "key", property->key);
        append_json_member(out, "value", value);
        append_json_member(out, "origin", origin);
        out += '}';
    }
    return out.append("\n]\n");
}

}  // namespace

std::string print_effective(PrintFormat format, const Inspection& inspection) {
    switch (format) {
        case PrintFormat::toml: return effective_toml(inspection);
        case PrintFormat::markdown: return effective_markdown(inspection);
        case PrintFormat::json: return effective_json(inspection);
    }
    return {};
}

std::optional<PrintFormat> print_format_of(std::string_view name) {
    if (name == "toml") return PrintFormat::toml;
    if (name == "markdown") return PrintFormat::markdown;
    if (name == "json") return PrintFormat::json;
    return std::nullopt;
}

std::string print_config(PrintFormat format) {
    switch (format) {
        case PrintFormat::toml: return print_toml();
        case PrintFormat::markdown: return print_markdown();
        case PrintFormat::json: return print_json();
    }
    return {};
}

}  // namespace sluice::config
