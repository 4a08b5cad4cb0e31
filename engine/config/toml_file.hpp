// A configuration file as a list of what it says, line by line, and what other readers of TOML need. The engine's only
// user of toml++ (for compile time).
//
// Knows the notation, not the keys: load.cpp decides what a setting means.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

struct FileSetting {
    enum class Type : std::uint8_t { string, integer, decimal, boolean, date_time, array, group, other };

    std::string key;             // with its groups: sink.redis.layout
    std::uint32_t line = 0;      // of the key, from 1
    Type type = Type::other;
    // Of a string, integer, decimal number or boolean. Of a date with time: seconds since 1970; empty without an offset
    // from UTC.
    std::string text;
    std::string_view type_name;  // with its article: "a boolean"; a literal
    // Of an array, each with the key and line of the array; of a table within one its members, with names of their own.
    std::vector<FileSetting> elements{};
};

struct FileError {
    std::uint32_t line = 0;  // 0: the file as a whole
    std::string what;  // the rest of a sentence, in printable ASCII
};

// In the order of the file; groups stand before what they hold.
[[nodiscard]] std::expected<std::vector<FileSetting>, FileError> read_toml_file(const std::string& path);

// The text of a regular file of 1 MiB at most (limits::config_file_bytes_max), which need not be TOML.
[[nodiscard]] std::expected<std::string, FileError> read_toml_text(const std::string& path);

// What toml++ says of a text that is not TOML (parse_error::description()), as our other sentences are:
// `key-value pair: expected value, found the end of the line`. In printable UTF-8.
[[nodiscard]] std::string toml_fault_in_our_words(std::string_view description);

}  // namespace sluice::config
