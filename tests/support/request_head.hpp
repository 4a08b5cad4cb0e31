// The head of a request, read by the real parser from header lines.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/core/check.hpp"
#include "parsers/http/http_parser.hpp"

namespace sluice::tests {

// Of "POST /t HTTP/1.1" with a Host and `lines`, each of which ends in CRLF.
[[nodiscard]] inline parsers::RequestHead request_head(std::string_view lines, std::string_view host = "h") {
    class NoBody final : public parsers::BodyReceiver {
      public:
        std::optional<Refusal> on_body(std::span<const char>) override { return std::nullopt; }
    };
    const std::string text = "POST /t HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" + std::string(lines) + "\r\n";
    parsers::HttpParser parser;
    parsers::RequestHead head;
    NoBody body;
    parser.start(limits::request_body_bytes_max);
    CHECK(parser.parse(text, head, body).event != parsers::HttpParser::Event::refused);
    return head;
}

}  // namespace sluice::tests
