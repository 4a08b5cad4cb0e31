#include "engine/config/property.hpp"

#include <algorithm>
#include <bit>

#include "engine/config/addresses.hpp"
#include "engine/config/origin.hpp"
#include "engine/config/sink_url.hpp"
#include "engine/config/units.hpp"
#include "engine/core/check.hpp"
#include "engine/core/control_character.hpp"
#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/lower_case.hpp"

namespace sluice::config {
namespace {

constexpr std::string_view mask = "***";
constexpr std::uint64_t ns_per_s = 1'000'000'000;

using Assigned = std::expected<void, ValueError>;

// --- numbers ------------------------------------------------------------------------------------

std::expected<std::uint64_t, ValueError> parse_seconds(std::string_view text) {
    const auto ns = parse_duration(text);
    if (!ns) return ns;
    if (*ns % ns_per_s != 0) return std::unexpected(ValueError::not_whole_seconds);
    return *ns / ns_per_s;
}

std::expected<std::uint64_t, ValueError> parse_number(Unit unit, std::string_view text) {
    switch (unit) {
        case Unit::count: return parse_count(text);
        case Unit::size: return parse_size(text);
        case Unit::duration: return parse_duration(text);
        case Unit::duration_seconds: return parse_seconds(text);
    }
    return std::unexpected(ValueError::malformed);
}

std::string format_number(Unit unit, std::uint64_t value) {
    switch (unit) {
        case Unit::count: return std::to_string(value);
        case Unit::size: return format_size(value);
        case Unit::duration: return format_duration(value);
        case Unit::duration_seconds: return format_duration(value * ns_per_s);
    }
    return {};
}

Assigned assign_kind(const Number& number, Config& config, std::string_view text) {
    const auto value = parse_number(number.unit, text);
    if (!value) return std::unexpected(value.error());
    if (*value < number.min || *value > number.max) return std::unexpected(ValueError::out_of_range);
    if (number.is_power_of_two && !std::has_single_bit(*value)) return std::unexpected(ValueError::not_a_power_of_two);
    number.field.of(config) = *value;
    return {};
}

std::string text_of_kind(const Number& number, const Config& config) {
    return format_number(number.unit, number.field.of_const(config));
}

std::string_view unit_of_kind(const Number& number) {
    switch (number.unit) {
        case Unit::count: return number.is_power_of_two ? "power of two" : "integer";
        case Unit::size: return "size";
        case Unit::duration: return "duration";
        case Unit::duration_seconds: return "whole seconds";
    }
    return {};
}

std::string bounds_of_kind(const Number& number) {
    return "from " + format_number(number.unit, number.min) + " to " + format_number(number.unit, number.max);
}

// --- words --------------------------------------------------------------------------------------

// What other programs call a word of ours. No word of any key has one of these names.
std::string usual_word(const std::string& word) { return word == "warning" ? "warn" : word; }

template <typename E>
Assigned assign_kind(const Choice<E>& choice, Config& config, std::string_view text) {
    const auto word = std::ranges::find(choice.words, usual_word(lower_case(text)));
    if (word == choice.words.end()) return std::unexpected(ValueError::malformed);
    choice.field.of(config) = static_cast<E>(word - choice.words.begin());
    return {};
}

template <typename E>
std::string text_of_kind(const Choice<E>& choice, const Config& config) {
    const auto index = static_cast<std::size_t>(choice.field.of_const(config));
    CHECK(index < choice.words.size());
    return std::string(choice.words[index]);
}

template <typename E>
std::string_view unit_of_kind(const Choice<E>&) {
    return "word";
}

// `a, b or c`
template <typename E>
std::string bounds_of_kind(const Choice<E>& choice) {
    std::string list;
    for (std::size_t i = 0; i < choice.words.size(); ++i) {
        if (i > 0) list += i + 1 == choice.words.size() ? " or " : ", ";
        list += choice.words[i];
    }
    return list;
}

Assigned assign_kind(const Flag& kind, Config& config, std::string_view text) {
    constexpr std::string_view yes[] = {"true", "yes", "on", "1"};
    constexpr std::string_view no[] = {"false", "no", "off", "0"};
    const std::string word = lower_case(text);
    const bool is_yes = std::ranges::find(yes, word) != std::end(yes);
    if (!is_yes && std::ranges::find(no, word) == std::end(no)) return std::unexpected(ValueError::malformed);
    kind.field.of(config) = is_yes;
    return {};
}
std::string text_of_kind(const Flag& kind, const Config& config) {
    return kind.field.of_const(config) ? "true" : "false";
}
std::string_view unit_of_kind(const Flag&) { return "boolean"; }
std::string bounds_of_kind(const Flag&) { return "true or false"; }

// --- strings ------------------------------------------------------------------------------------

Assigned assign_kind(const Text& kind, Config& config, std::string_view text) {
    if (text.size() < kind.bytes_min || text.size() > kind.bytes_max) return std::unexpected(ValueError::out_of_range);
    if (has_control_character(text)) return std::unexpected(ValueError::control_character);
    kind.field.of(config) = text;
    return {};
}

std::string text_of_kind(const Text& kind, const Config& config) {
    const std::string& text = kind.field.of_const(config);
    return kind.is_secret && !text.empty() ? std::string(mask) : text;
}

std::string_view unit_of_kind(const Text&) { return "string"; }

std::string bounds_of_kind(const Text& kind) {
    return "of " + std::to_string(kind.bytes_min) + " to " + std::to_string(kind.bytes_max) +
           " bytes without control characters";
}

// --- addresses and cores ------------------------------------------------------------------------

Assigned assign_kind(const Address& kind, Config& config, std::string_view text) {
    auto address = parse_listen_address(text);
    if (!address) return std::unexpected(address.error());
    kind.field.of(config) = *std::move(address);
    return {};
}
std::string text_of_kind(const Address& kind, const Config& config) {
    return format_listen_address(kind.field.of_const(config));
}
std::string_view unit_of_kind(const Address&) { return "address"; }
constexpr std::string_view address_bounds = "a numeric address or localhost and a port, :port, or unix:/path";
std::string bounds_of_kind(const Address&) { return std::string(address_bounds); }

// --- lists --------------------------------------------------------------------------------------

template <typename Kind>
constexpr bool is_list = false;
template <typename T>
constexpr bool is_list<List<T>> = true;

using ListAssigned = std::expected<void, AssignError>;

std::expected<ListenAddress, ValueError> parse_element(const List<ListenAddress>&, std::string_view text) {
    return parse_listen_address(text);
}
std::string format_element(const ListenAddress& address) { return format_listen_address(address); }
std::string_view unit_of_kind(const List<ListenAddress>&) { return "addresses"; }
std::string_view bounds_of_element(const List<ListenAddress>&) { return address_bounds; }

std::expected<ContentCoding, ValueError> parse_element(const List<ContentCoding>&, std::string_view text) {
    const auto coding = content_coding_of(text);
    return coding ? std::expected<ContentCoding, ValueError>(*coding) : std::unexpected(ValueError::malformed);
}
std::string_view format_element(ContentCoding coding) { return name_of(coding); }
std::string_view unit_of_kind(const List<ContentCoding>&) { return "words"; }
std::string_view bounds_of_element(const List<ContentCoding>&) { return "identity, gzip, zstd, deflate, snappy"; }
std::optional<ValueError> collision_of(ContentCoding a, ContentCoding b) {
    return a == b ? std::optional(ValueError::listed_twice) : std::nullopt;
}

std::expected<std::string, ValueError> parse_element(const List<std::string>&, std::string_view text) {
    if (text.empty() || text.size() > limits::name_setting_bytes_max) return std::unexpected(ValueError::out_of_range);
    if (has_control_character(text)) return std::unexpected(ValueError::control_character);
    if (text.contains(',')) return std::unexpected(ValueError::malformed);  // elsewhere it stands between names
    return std::string(text);
}
std::string_view format_element(const std::string& name) { return name; }
std::string_view unit_of_kind(const List<std::string>&) { return "names"; }
std::string_view bounds_of_element(const List<std::string>&) { return "a name of 1 to 128 bytes without a comma"; }
std::optional<ValueError> collision_of(const std::string& a, const std::string& b) {
    return a == b ? std::optional(ValueError::listed_twice) : std::nullopt;
}

// `certificate:key`; a path of either may hold no colon.
std::expected<CertificatePair, ValueError> parse_element(const List<CertificatePair>&, std::string_view text) {
    const std::size_t colon = text.find(':');
    const bool is_pair = colon != std::string_view::npos && colon != 0 && text.find(':', colon + 1) == text.npos &&
                         colon + 1 != text.size();
    if (!is_pair) return std::unexpected(ValueError::malformed);
    if (has_control_character(text)) return std::unexpected(ValueError::control_character);
    return CertificatePair{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}
std::string format_element(const CertificatePair& pair) { return pair.certificate + ":" + pair.key; }
std::string_view unit_of_kind(const List<CertificatePair>&) { return "file pairs"; }
std::string_view bounds_of_element(const List<CertificatePair>&) { return "certificate file:key file"; }
std::optional<ValueError> collision_of(const CertificatePair& a, const CertificatePair& b) {
    return a == b ? std::optional(ValueError::listed_twice) : std::nullopt;
}

std::expected<IpNetwork, ValueError> parse_element(const List<IpNetwork>&, std::string_view text) {
    const auto network = parse_ip_network(text);
    return network ? std::expected<IpNetwork, ValueError>(*network) : std::unexpected(ValueError::network_invalid);
}
std::string format_element(const IpNetwork& network) { return format_ip_network(network); }
std::string_view unit_of_kind(const List<IpNetwork>&) { return "networks"; }
std::string_view bounds_of_element(const List<IpNetwork>&) {
    return "an address or a network such as 10.1.0.0/16 or 2001:db8::/32";
}
std::optional<ValueError> collision_of(const IpNetwork& a, const IpNetwork& b) {
    return a == b ? std::optional(ValueError::listed_twice) : std::nullopt;
}

std::expected<Origin, ValueError> parse_element(const List<Origin>&, std::string_view text) {
    if (!is_origin(text)) return std::unexpected(ValueError::origin_invalid);
    return Origin{std::string(text)};
}
std::string format_element(const Origin& origin) { return origin.text; }
std::string_view unit_of_kind(const List<Origin>&) { return "origins"; }
std::string_view bounds_of_element(const List<Origin>&) {
    return "scheme://host or scheme://host:port, in lower case, without a path and without the scheme's own port";
}
std::optional<ValueError> collision_of(const Origin& a, const Origin& b) {
    return a == b ? std::optional(ValueError::listed_twice) : std::nullopt;
}

template <typename T>
std::string counts_of(const List<T>& list) {
    return (list.is_optional ? "none, or 1 to " : "1 to ") + std::to_string(list.count_max);
}

template <typename T>
ListAssigned assign_list_kind(const List<T>& list, Config& config, std::span<const std::string> elements) {
    if ((elements.empty() && !list.is_optional) || elements.size() > list.count_max)
        return std::unexpected(AssignError{ValueError::out_of_range});
    std::vector<T> values;
    const bool is_empty_text = list.is_optional && elements.size() == 1 && elements.front().empty();
    if (is_empty_text) elements = {};
    for (std::size_t i = 0; i < elements.size(); ++i) {
        const auto refused = [&](ValueError reason) {
            return std::unexpected(AssignError{reason, elements.size() == 1 ? 0 : i + 1});
        };
        auto value = parse_element(list, elements[i]);
        if (!value) return refused(value.error());
        for (const T& other : values)
            if (const auto collision = collision_of(other, *value)) return refused(*collision);
        values.push_back(*std::move(value));
    }
    list.field.of(config) = std::move(values);
    return {};
}

template <typename T>
std::string text_of_kind(const List<T>& list, const Config& config) {
    std::string text;
    for (const T& value : list.field.of_const(config))
        text.append(text.empty() ? "" : ",").append(format_element(value));
    return text;
}

template <typename T>
std::string bounds_of_kind(const List<T>& list) {
    return counts_of(list) + " of: " + std::string(bounds_of_element(list));
}

// --- cores and URLs -----------------------------------------------------------------------------

Assigned assign_kind(const Cores& kind, Config& config, std::string_view text) {
    auto cores = parse_cores(text);
    if (!cores) return std::unexpected(cores.error());
    kind.field.of(config) = *std::move(cores);
    return {};
}
std::string text_of_kind(const Cores& kind, const Config& config) { return format_cores(kind.field.of_const(config)); }
std::string_view unit_of_kind(const Cores&) { return "core list"; }
std::string bounds_of_kind(const Cores&) { return "auto or core numbers of this machine"; }

Assigned assign_kind(const Url& kind, Config& config, std::string_view text) {
    auto url = parse_sink_url(text);
    if (!url) return std::unexpected(url.error());
    kind.field.of(config) = *std::move(url);
    return {};
}
std::string text_of_kind(const Url& kind, const Config& config) { return kind.field.of_const(config).display; }
std::string_view unit_of_kind(const Url&) { return "URL"; }
std::string bounds_of_kind(const Url&) {
    return "redis[s]://[user[:password]@]host[:port][/db], redis[s]-cluster://host:port,..., "
           "redis[s]-sentinel://host:port,.../name[/db], redis+unix:///path[?db=N], journal:directory or null:";
}

// --- what is allowed, as a phrase --------------------------------------------------------------------

std::string allowed_of_kind(const Number& number, std::string_view example) {
    const std::string name =
        number.unit == Unit::duration_seconds ? "duration in whole seconds" : std::string(unit_of_kind(number));
    const std::string phrase = (name == "integer" ? "an " : "a ") + name + " " + bounds_of_kind(number);
    return example.starts_with('0') ? phrase : phrase + " such as " + std::string(example);
}
std::string allowed_of_kind(const Text& kind, std::string_view) { return "a string " + bounds_of_kind(kind); }
std::string allowed_address(std::string_view example) {
    return "a numeric address and a port such as " + std::string(example) +
           " or [::1]:8080, localhost:8080, :8080 for all interfaces, or unix:/path";
}
std::string allowed_of_kind(const Address&, std::string_view example) { return allowed_address(example); }
std::string allowed_of_kind(const List<ListenAddress>& list, std::string_view example) {
    return counts_of(list) + " of: " + allowed_address(example.empty() ? "127.0.0.1:8443" : example);
}
std::string allowed_of_kind(const Cores&, std::string_view) { return "auto or a list of core numbers such as 0,2-3"; }
std::string allowed_of_kind(const auto& kind, std::string_view) { return bounds_of_kind(kind); }

}  // namespace

std::expected<void, AssignError> assign(const Property& property, Config& config, std::string_view text) {
    if (takes_list(property)) return assign_list(property, config, elements_of(text));
    const auto assign_one = [&]<typename Kind>(const Kind& kind) -> Assigned {
        if constexpr (is_list<Kind>) return std::unexpected(ValueError::malformed);
        else return assign_kind(kind, config, text);
    };
    if (const auto assigned = std::visit(assign_one, property.kind); !assigned)
        return std::unexpected(AssignError{assigned.error()});
    return {};
}

std::expected<void, AssignError> assign_list(const Property& property, Config& config,
                                             std::span<const std::string> elements) {
    const auto assign_all = [&]<typename Kind>(const Kind& kind) -> ListAssigned {
        if constexpr (is_list<Kind>) return assign_list_kind(kind, config, elements);
        else return std::unexpected(AssignError{ValueError::malformed});
    };
    return std::visit(assign_all, property.kind);
}

std::vector<std::string> elements_of(std::string_view text) {
    std::vector<std::string> elements;
    for (std::size_t begin = 0; begin <= text.size();) {  // an empty text is one empty element
        const std::size_t comma = std::min(text.find(',', begin), text.size());
        const std::size_t first = std::min(text.find_first_not_of(' ', begin), comma);
        const std::size_t last = comma == 0 ? comma : text.find_last_not_of(' ', comma - 1);
        elements.emplace_back(first == comma ? "" : text.substr(first, last + 1 - first));
        begin = comma + 1;
    }
    return elements;
}

std::string text_of(const Property& property, const Config& config) {
    return std::visit([&](const auto& kind) { return text_of_kind(kind, config); }, property.kind);
}

std::string_view unit_of(const Property& property) {
    return std::visit([](const auto& kind) { return unit_of_kind(kind); }, property.kind);
}

std::string bounds_of(const Property& property) {
    return std::visit([](const auto& kind) { return bounds_of_kind(kind); }, property.kind);
}

std::string allowed_of(const Property& property) {
    return std::visit([&](const auto& kind) { return allowed_of_kind(kind, property.default_text); }, property.kind);
}

std::string shown(const Property& property, std::string_view text) {
    if (is_secret(property)) return std::string(mask);
    if (std::holds_alternative<Url>(property.kind)) return quoted(redact_url(text), limits::shown_bytes_max);
    return quoted(text, limits::shown_bytes_max);
}

bool is_secret(const Property& property) {
    const auto* const kind = std::get_if<Text>(&property.kind);
    return kind != nullptr && kind->is_secret;
}

bool takes_integer(const Property& property) { return std::holds_alternative<Number>(property.kind); }

bool takes_string(const Property& property) {
    if (takes_boolean(property)) return false;
    const auto* const number = std::get_if<Number>(&property.kind);
    return number == nullptr || number->unit != Unit::count;
}

bool takes_boolean(const Property& property) { return std::holds_alternative<Flag>(property.kind); }

bool takes_core_list(const Property& property) { return std::holds_alternative<Cores>(property.kind); }

bool takes_list(const Property& property) {
    return std::visit([]<typename Kind>(const Kind&) { return is_list<Kind>; }, property.kind);
}

}  // namespace sluice::config
