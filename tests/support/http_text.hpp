// Requests written and responses read in one line, for tests that look at whole conversations.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core/refusal.hpp"

namespace sluice::tests {

using Responses = std::vector<std::string>;

[[nodiscard]] inline std::string get(std::string_view path, std::string_view headers = "") {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
}

[[nodiscard]] inline std::string post(std::string_view path, std::string_view body, std::string_view headers = "") {
    return "POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

// The responses in `bytes` as "status body", or "status" where there is none; the harness's marks as they are. Every
// response has its body, but those to HEAD (`to_head`) and 1xx. One that is not whole is "<cut>".
[[nodiscard]] inline Responses responses_in(std::string_view bytes, bool to_head = false) {
    Responses responses;
    while (!bytes.empty()) {
        if (bytes.front() == '<') {
            const std::size_t end = bytes.find('>') + 1;
            responses.emplace_back(bytes.substr(0, end));
            bytes.remove_prefix(end);
            continue;
        }
        if (bytes.find("\r\n\r\n") == std::string_view::npos) break;
        const std::size_t head_end = bytes.find("\r\n\r\n") + 4;
        const std::string_view head = bytes.substr(0, head_end);
        std::string response(head.substr(9, 3));
        bytes.remove_prefix(head_end);
        const std::size_t at = head.find("Content-Length: ");
        if (at != std::string_view::npos && !to_head) {
            const std::size_t length = std::stoul(std::string(head.substr(at + 16)));
            if (bytes.size() < length) break;
            response += " " + std::string(bytes.substr(0, length));
            bytes.remove_prefix(length);
        }
        responses.push_back(response);
    }
    if (!bytes.empty()) responses.emplace_back("<cut>");
    return responses;
}

[[nodiscard]] inline std::string ok(std::string_view echo) { return "200 " + std::string(echo); }

[[nodiscard]] inline std::string refused(Refusal refusal) {
    const RefusalInfo& info = info_of(refusal);
    return std::to_string(info.status) + R"( {"ok":false,"error":")" + std::string(info.sentence) + R"(","code":")" +
           std::string(info.code) + R"("})";
}

}  // namespace sluice::tests
