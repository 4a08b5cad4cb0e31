// A POST over plain HTTP/1.1, over a connection of its own, which waits for the answer. For the tool that sends dead
// letters again; the engine has no use for it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::dead_tool {

struct HttpTarget {
    std::string host;  // a name or an address, IPv6 without brackets
    std::uint16_t port = 80;
};

// `http://host[:port]`. An error is a sentence.
[[nodiscard]] std::expected<HttpTarget, std::string> parse_target(std::string_view url);

struct HttpPost {
    std::string path;  // with the query
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
};
// An answer that is whole.
struct HttpAnswer {
    int status = 0;
    std::string ack;  // value of Sluice-Ack; empty: there is none
    std::string body;
};
// Nothing: `text` is no answer of HTTP/1.1 that is whole, with a Content-Length or without a body.
[[nodiscard]] std::optional<HttpAnswer> parse_answer(std::string_view text);

// An error is a sentence: nobody answered within some seconds, or not to the end.
[[nodiscard]] std::expected<HttpAnswer, std::string> send_post(const HttpTarget& target, const HttpPost& post);

}  // namespace sluice::dead_tool
