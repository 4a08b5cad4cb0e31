// Commands as RESP, for everything that is no sample: handshakes, questions, and the constant words of the layouts.
// Built once, or rarely: each call may allocate. Samples are written by RespWriter, which does not.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace sluice::sinks::redis {

// Appends `word` as a bulk string.
void append_bulk(std::string& bytes, std::string_view word);
[[nodiscard]] std::string bulk_of(std::string_view word);
// What stands before the words of a command of `words_count`.
[[nodiscard]] std::string array_header_of(std::size_t words_count);

// Appends a command of `words`; the first is its name.
void append_command(std::string& bytes, std::span<const std::string_view> words);
void append_command(std::string& bytes, std::initializer_list<std::string_view> words);
[[nodiscard]] std::string command_of(std::initializer_list<std::string_view> words);

}  // namespace sluice::sinks::redis
