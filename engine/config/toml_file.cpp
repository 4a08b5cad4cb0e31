#include "engine/config/toml_file.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/regular_file.hpp"

namespace sluice::config {

std::expected<std::string, FileError> read_toml_text(const std::string& path) {
    auto text = read_regular_file(path, limits::config_file_bytes_max);
    if (!text) return std::unexpected(FileError{0, std::move(text).error()});
    return *std::move(text);
}

namespace {

std::string_view type_name_of(toml::node_type type) {
    switch (type) {
        case toml::node_type::none: return "nothing";
        case toml::node_type::table: return "a table";
        case toml::node_type::array: return "an array";
        case toml::node_type::string: return "a string";
        case toml::node_type::integer: return "an integer";
        case toml::node_type::floating_point: return "a decimal number";
        case toml::node_type::boolean: return "a boolean";
        case toml::node_type::date: return "a date";
        case toml::node_type::time: return "a time";
        case toml::node_type::date_time: return "a date with time";
    }
    return "of an unknown type";
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

// What toml++ makes of a value without quotation marks that is neither a number, a date nor a boolean: it guesses by
// the first letter. The end of the file or line is another matter.
bool is_of_a_bare_word(std::string_view text) {
    if (text.contains("end-of-file") || text.contains("saw '\n'") || text.contains("saw '\\n'")) return false;
    constexpr std::string_view kinds[] = {
        "floating-point: expected ", "boolean: expected ",   "decimal integer: expected ",           "time: expected ",
        "date: expected ",           "date-time: expected ", "value: could not determine value type"};
    return std::ranges::any_of(kinds, [&](std::string_view kind) { return text.starts_with(kind); });
}

// What toml++ says, as our other sentences are: `key-value pair: expected value, found the end of the line`. It writes
// a control character as its escape sequence, which is not escaped again.
std::string in_our_words(std::string_view description) {
    std::string text(description);
    replace_all(text, "Error while parsing ", "");
    if (is_of_a_bare_word(text)) return "the value is no number, date, true or false; text needs quotation marks";
    replace_all(text, "Encountered invalid utf-8 sequence", "it holds bytes that are no UTF-8");
    replace_all(text, "encountered end-of-file", "the file ends within it");
    replace_all(text, "saw '\\n'", "found the end of the line");
    replace_all(text, "saw '\n'", "found the end of the line");
    replace_all(text, "\n'", "'");
    replace_all(text, "saw ", "found ");
    replace_all(text, " are explicitly prohibited", " are not allowed");
    if (!text.contains('"')) std::ranges::replace(text, '\'', '"');
    std::string printable;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t length = printable_length(rest);
        if (length != 0) printable += rest.substr(0, length);
        else append_escaped_byte(printable, rest.front(), EscapeStyle::text);
        rest.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return printable;
}

std::string decimal_text(double number) {
    std::array<char, 32> digits;  // of the shortest text that gives the number back
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    return {digits.data(), end.ptr};
}

// Seconds since 1970; empty without an offset: whose time it is is not known.
std::string seconds_text(const toml::date_time& time) {
    if (!time.offset) return {};
    const std::chrono::year_month_day date(std::chrono::year(time.date.year), std::chrono::month(time.date.month),
                                           std::chrono::day(time.date.day));
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    const std::int64_t minutes = time.time.hour * 60 + time.time.minute - time.offset->minutes;
    return std::to_string((days * 24 * 60 + minutes) * 60 + time.time.second);
}

FileSetting setting_of(std::string key, std::uint32_t line, const toml::node& node);
void add_members(FileSetting& setting, const toml::table& table);

// Depth is bounded by toml++ (TOML_MAX_NESTED_VALUES).
void add_elements(FileSetting& setting, const toml::array& array) {
    for (const toml::node& element : array) {
        FileSetting& added = setting.elements.emplace_back(setting_of(setting.key, setting.line, element));
        const auto* const table = element.as_table();
        if (table == nullptr) continue;
        added.line = element.source().begin.line;
        add_members(added, *table);
    }
}

void add_members(FileSetting& setting, const toml::table& table) {
    for (const auto& [key, node] : table) {
        FileSetting& added =
            setting.elements.emplace_back(setting_of(std::string(key.str()), key.source().begin.line, node));
        if (const auto* const inner = node.as_table()) add_members(added, *inner);
    }
    std::ranges::stable_sort(setting.elements, {}, &FileSetting::line);
}

FileSetting setting_of(std::string key, std::uint32_t line, const toml::node& node) {
    FileSetting setting{std::move(key), line, FileSetting::Type::other, {}, type_name_of(node.type())};
    if (node.is_table()) {
        setting.type = FileSetting::Type::group;
    } else if (const auto* const string = node.as_string()) {
        setting.type = FileSetting::Type::string;
        setting.text = string->get();
    } else if (const auto* const integer = node.as_integer()) {
        setting.type = FileSetting::Type::integer;
        setting.text = std::to_string(integer->get());
    } else if (const auto* const decimal = node.as_floating_point()) {
        setting.type = FileSetting::Type::decimal;
        setting.text = decimal_text(decimal->get());
    } else if (const auto* const time = node.as_date_time()) {
        setting.type = FileSetting::Type::date_time;
        setting.text = seconds_text(time->get());
    } else if (const auto* const boolean = node.as_boolean()) {
        setting.type = FileSetting::Type::boolean;
        setting.text = boolean->get() ? "true" : "false";
    } else if (const auto* const array = node.as_array()) {
        setting.type = FileSetting::Type::array;
        add_elements(setting, *array);
    }
    return setting;
}

// Depth is bounded by toml++ (TOML_MAX_NESTED_VALUES and the length of a dotted key).
void flatten(const toml::table& group, const std::string& prefix, std::vector<FileSetting>& settings) {
    for (const auto& [key, node] : group) {
        const std::string path = prefix + std::string(key.str());
        settings.push_back(setting_of(path, key.source().begin.line, node));
        if (const auto* const inner = node.as_table()) flatten(*inner, path + ".", settings);
    }
}

}  // namespace

std::string toml_fault_in_our_words(std::string_view description) { return in_our_words(description); }

std::expected<std::vector<FileSetting>, FileError> read_toml_file(const std::string& path) {
    const auto text = read_toml_text(path);
    if (!text) return std::unexpected(text.error());
    const toml::parse_result parsed = toml::parse(std::string_view(*text));
    if (!parsed) {
        const toml::parse_error& error = parsed.error();
        return std::unexpected(
            FileError{error.source().begin.line, "is not TOML: " + in_our_words(error.description())});
    }
    std::vector<FileSetting> settings;
    flatten(parsed.table(), "", settings);
    std::ranges::stable_sort(settings, {}, &FileSetting::line);
    return settings;
}

}  // namespace sluice::config
