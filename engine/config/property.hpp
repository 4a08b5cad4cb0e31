// Property: one configuration key as declared, and what can be done with any of them.
//
// The kinds of value form a closed set, a variant: a new kind does not compile until every operation below
// knows it. A class hierarchy was rejected, since the table of keys could then not be a constant.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/config/config.hpp"
#include "engine/config/value_error.hpp"

namespace sluice::config {

// The member of Config that a key sets. Made from `[](auto& config) -> auto& { return config.member; }`.
template <typename T>
struct Field {
    template <std::convertible_to<T& (*)(Config&)> Accessor>
    constexpr Field(Accessor accessor) : of(accessor), of_const(accessor) {}
    T& (*of)(Config&);
    const T& (*of_const)(const Config&);
};

enum class Unit : std::uint8_t {
    count,             // a plain integer
    size,              // bytes
    duration,          // held in ns
    duration_seconds,  // written as a duration, held in whole seconds
};

struct Number {
    Unit unit;
    std::uint64_t min;  // of the field, in its unit
    std::uint64_t max;
    Field<std::uint64_t> field;
    bool is_power_of_two = false;
};

// One of some words.
template <typename E>
struct Choice {
    Field<E> field;
    std::span<const std::string_view> words;  // indexed by the value of E
};

// true or false; a boolean in a file.
struct Flag {
    Field<bool> field;
};

struct Text {
    Field<std::string> field;
    std::size_t bytes_min;
    std::size_t bytes_max;
    bool is_secret = false;  // shown as ***
};

struct Address {
    Field<ListenAddress> field;
};

// One to `count_max` values, or none where it is optional: an array in a file, with commas between them elsewhere. A
// lone value needs no array, and an empty text is no value.
template <typename T>
struct List {
    Field<std::vector<T>> field;
    std::size_t count_max;
    bool is_optional = false;
};

struct Cores {
    Field<std::vector<unsigned>> field;
};

struct Url {
    Field<SinkUrl> field;
};

using PropertyKind = std::variant<Number, Choice<AckLevel>, Choice<LogLevel>, Choice<LogFormat>, Choice<RedisLayout>,
                                  Choice<WaitAof>, Choice<IoBackend>, Choice<IoMode>, Choice<InfluxPrecision>,
                                  Choice<TlsVersion>, Choice<TlsClient>, Choice<QuotaStatus>, Choice<QuotaHeaders>,
                                  Choice<ProxyProtocol>, Flag, Text, Address, List<ListenAddress>, List<ContentCoding>,
                                  List<std::string>, List<CertificatePair>, List<IpNetwork>, List<Origin>, Cores, Url>;

// When a changed value takes effect. Reloading does not exist yet; this is what it will go by.
enum class Reload : std::uint8_t {
    live,     // a running engine can take it: nothing that was made at start is sized, bound or named by it
    restart,  // only a new engine can
};

[[nodiscard]] constexpr std::string_view name_of(Reload reload) { return reload == Reload::live ? "live" : "restart"; }

struct Property {
    std::string_view key;           // as in a file, with its groups: sink.redis.layout
    std::string_view default_text;  // as an operator would write it
    Reload reload;
    std::string_view help;          // one sentence without the full stop, in ASCII
    PropertyKind kind;
};

// Why a value was not taken.
struct AssignError {
    ValueError reason = ValueError::malformed;
    std::size_t element = 0;  // of a list with more than one, from 1; 0: the value as a whole
};

// Parses `text`, checks the bounds and puts the value into `config`. Changes nothing when it fails.
[[nodiscard]] std::expected<void, AssignError> assign(const Property& property, Config& config, std::string_view text);

// The same for the elements of a list, which the key must hold.
[[nodiscard]] std::expected<void, AssignError> assign_list(const Property& property, Config& config,
                                                           std::span<const std::string> elements);

// The elements of a list as the command line and the environment write it: `a,b`. Blanks around them do not count.
[[nodiscard]] std::vector<std::string> elements_of(std::string_view text);

// The value in `config`, so that assign() takes it; secrets as ***.
[[nodiscard]] std::string text_of(const Property& property, const Config& config);

// What one calls the values: size, duration, integer, word, boolean, string, address, core list, URL.
[[nodiscard]] std::string_view unit_of(const Property& property);

// `from 32KiB to 1MiB`, `queued or stored`, …; for tables.
[[nodiscard]] std::string bounds_of(const Property& property);

// `a size from 32KiB to 1MiB such as 64KiB`; for error sentences.
[[nodiscard]] std::string allowed_of(const Property& property);

// `text`, quoted, as an error sentence may show it: escaped, cut, and without secrets.
[[nodiscard]] std::string shown(const Property& property, std::string_view text);

// Whether the value must never be shown.
[[nodiscard]] bool is_secret(const Property& property);

// Whether a TOML value may be an integer, or must be one. (A duration may, so that the error can tell of the unit.)
[[nodiscard]] bool takes_integer(const Property& property);
[[nodiscard]] bool takes_string(const Property& property);
[[nodiscard]] bool takes_boolean(const Property& property);
[[nodiscard]] bool takes_list(const Property& property);
// An array of integers stands for its elements with commas between them.
[[nodiscard]] bool takes_core_list(const Property& property);

}  // namespace sluice::config
