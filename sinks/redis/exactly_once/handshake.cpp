#include "sinks/redis/exactly_once/handshake.hpp"

#include <utility>

#include "sinks/redis/resp/command.hpp"

namespace sluice::sinks::redis {
Handshake::Handshake(const std::string& index_key, std::vector<std::string> keys) : keys_(std::move(keys)) {
    std::vector<std::string_view> words{"SADD", index_key};
    words.insert(words.end(), keys_.begin(), keys_.end());
    append_command(bytes_, words);
    for (const std::string& key : keys_) append_command(bytes_, {"XINFO", "STREAM", key});
    append_command(bytes_, {"MULTI"});
}

void Handshake::begin() {
    replies_count_ = 0;
    last_id_.clear();
    is_id_next_ = false;
    top_ = {};
    top_key_.clear();
}

Handshake::Step Handshake::take(bool is_error, std::string_view error_text) {
    const std::size_t reply = replies_count_++;
    if (reply == 0) return is_error ? fail("SADD", error_text) : Step::going_on;
    if (reply > keys_.size()) return is_error ? fail("MULTI", error_text) : Step::done;
    const bool is_absent = is_error && error_text == "ERR no such key";
    if (is_absent) return Step::going_on;
    if (is_error) return fail("XINFO STREAM", error_text);
    return raise_top(keys_[reply - 1]) ? Step::going_on : fail("XINFO STREAM", "its answer has no last-generated-id");
}

void Handshake::on_element(std::size_t depth, bool, std::string_view text) {
    if (depth != 1) return;  // of the first and the last entry, which XINFO shows too
    if (std::exchange(is_id_next_, text == "last-generated-id")) last_id_ = text;
}

bool Handshake::raise_top(const std::string& key) {
    const auto id = parse_entry_id(std::exchange(last_id_, {}));
    if (!id) return false;
    if (*id > top_) {
        top_ = *id;
        top_key_ = key;
    }
    return true;
}

Handshake::Step Handshake::fail(std::string_view command, std::string_view error_text) {
    refused_command_ = command;
    error_text_ = error_text;
    return Step::failed;
}

}  // namespace sluice::sinks::redis
