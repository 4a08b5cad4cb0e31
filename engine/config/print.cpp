#include "engine/config/print.hpp"

#include "engine/config/keys.hpp"
#include "engine/core/escape.hpp"

namespace sluice::config {
namespace {

constexpr std::size_t unbounded = std::string_view::npos;  // the declaration is our own text

std::string_view group_of(std::string_view key) {
    const std::size_t dot = key.rfind('.');
    return dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot);
}

std::string_view name_in_group(std::string_view key) { return key.substr(key.rfind('.') + 1); }

// As a TOML value: integers and booleans bare, lists as arrays, everything else a string.
std::string toml_value(const Property& property) {
    if (takes_list(property)) {
        std::string array;
        for (const std::string& element : elements_of(property.default_text))
            array.append(array.empty() ? "[" : ", ").append(quoted(element, unbounded));
        return array + "]";
    }
    if (takes_string(property)) return quoted(property.default_text, unbounded);
    return std::string(property.default_text);
}

std::string print_toml() {
    std::string out =
        "# Configuration of Sluice: every key with its default.\n"
        "# The command line beats the environment, which beats this file.\n";
    std::string_view group;
    for (const Property& property : properties()) {
        if (group_of(property.key) != group) {
            group = group_of(property.key);
            out.append("\n[").append(group).append("]\n");
        }
        out.append("\n# ").append(property.help).append(".\n# ").append(unit_of(property)).append(": ");
        out.append(bounds_of(property)).append(". ").append(environment_name(property.key)).append("\n");
        out.append(name_in_group(property.key)).append(" = ").append(toml_value(property)).append("\n");
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

}  // namespace

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
