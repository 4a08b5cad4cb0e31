// RESP commands as a server of a test takes them apart.
#pragma once

#include <cstddef>
#include <string>

namespace sluice::tests {

// Length of the first command of `bytes`; 0 if it is not whole yet.
[[nodiscard]] inline std::size_t whole_command_bytes(const std::string& bytes) {
    std::size_t at = bytes.find("\r\n");
    if (at == std::string::npos) return 0;
    std::size_t words = std::stoul(bytes.substr(1));
    for (at += 2; words > 0; --words) {
        const std::size_t line_end = bytes.find("\r\n", at);
        if (line_end == std::string::npos) return 0;
        at = line_end + 2 + std::stoul(bytes.substr(at + 1)) + 2;
    }
    return at <= bytes.size() ? at : 0;
}

// The words of a whole command, joined by spaces.
[[nodiscard]] inline std::string words_of(const std::string& command) {
    std::string words;
    std::size_t at = command.find("\r\n") + 2;
    while (at < command.size()) {
        const std::size_t line_end = command.find("\r\n", at);
        const std::size_t length = std::stoul(command.substr(at + 1));
        words += (words.empty() ? "" : " ") + command.substr(line_end + 2, length);
        at = line_end + 2 + length + 2;
    }
    return words;
}

}  // namespace sluice::tests
