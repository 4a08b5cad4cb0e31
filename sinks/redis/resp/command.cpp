#include "sinks/redis/resp/command.hpp"

#include "engine/core/check.hpp"
#include "sinks/redis/resp/resp_writer.hpp"

namespace sluice::sinks::redis {
std::string array_header_of(std::size_t words_count) {
    std::string bytes(resp_overhead_bytes_max, '\0');
    RespWriter writer(bytes.data());
    writer.array_header(words_count);
    bytes.resize(writer.size());
    return bytes;
}

void append_bulk(std::string& bytes, std::string_view word) {
    const std::size_t at = bytes.size();
    bytes.resize(at + word.size() + resp_overhead_bytes_max);
    RespWriter writer(bytes.data() + at);
    writer.bulk(word);
    bytes.resize(at + writer.size());
}

std::string bulk_of(std::string_view word) {
    std::string bytes;
    append_bulk(bytes, word);
    return bytes;
}

void append_command(std::string& bytes, std::span<const std::string_view> words) {
    CHECK(!words.empty());
    bytes += array_header_of(words.size());
    for (const std::string_view word : words) append_bulk(bytes, word);
}

void append_command(std::string& bytes, std::initializer_list<std::string_view> words) {
    append_command(bytes, std::span(words.begin(), words.size()));
}

std::string command_of(std::initializer_list<std::string_view> words) {
    std::string bytes;
    append_command(bytes, words);
    return bytes;
}

}  // namespace sluice::sinks::redis
