// Handshake: what a sink that owns its streams says first on a connection, and what it learns from the answers.
//
//     SADD <index> <key>…        consumers find the streams there
//     XINFO STREAM <key>         for each: the last ID that was given in it
//     MULTI                      the first transaction is open; see transaction_window.hpp
//
// All at once, answered in order. Any refusal means that this connection cannot be used. Sink thread only; no
// descriptor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/redis/layout/entry_id.hpp"
#include "sinks/redis/resp/reply_stream.hpp"

namespace sluice::sinks::redis {

class Handshake final : public ArrayListener {
  public:
    Handshake(const std::string& index_key, std::vector<std::string> keys);

    [[nodiscard]] const std::string& bytes() const { return bytes_; }

    // A new connection.
    void begin();
    enum class Step : std::uint8_t { going_on, done, failed };
    // The next reply: ok, or an error with its text.
    [[nodiscard]] Step take(bool is_error, std::string_view error_text);
    void on_element(std::size_t depth, bool is_error, std::string_view text) override;

    // After `failed`: the command that was refused, and why.
    [[nodiscard]] std::string_view refused_command() const { return refused_command_; }
    [[nodiscard]] const std::string& error_text() const { return error_text_; }
    // After `done`: the highest of the streams' last IDs, and its stream.
    [[nodiscard]] const EntryId& top() const { return top_; }
    [[nodiscard]] const std::string& top_key() const { return top_key_; }

  private:
    [[nodiscard]] Step fail(std::string_view command, std::string_view error_text);
    [[nodiscard]] bool raise_top(const std::string& key);

    const std::vector<std::string> keys_;
    std::string bytes_;
    std::size_t replies_count_ = 0;
    bool is_id_next_ = false;  // the last element was the name of the one that we want
    std::string last_id_;  // of the XINFO reply that is being read
    EntryId top_;
    std::string top_key_;
    std::string_view refused_command_;  // a literal
    std::string error_text_;
};

}  // namespace sluice::sinks::redis
