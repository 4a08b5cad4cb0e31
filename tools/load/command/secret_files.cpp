#include "tools/load/command/secret_files.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "engine/core/limits.hpp"

namespace sluice::load {
namespace {

// Tokens of 1,024 tenants have a tenth of that.
constexpr std::size_t secret_file_bytes_max = limits::mib;

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

// `take` is given each line that says something, with its place for a sentence.
template <typename Take>
Result<void> read_lines(std::string_view option, const std::string& path, Take take) {
    const std::string name = std::string(option) + ": " + quoted(path, 256);
    const auto whole = read_bounded(path, secret_file_bytes_max);
    if (!whole) return wrong(name + whole.error());
    std::size_t line_number = 0, taken_count = 0;
    for (std::string_view rest = *whole; !rest.empty();) {  // ends: each turn takes a line off
        ++line_number;
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        const std::string_view text = without_blanks(line);
        if (text.empty() || text.starts_with('#')) continue;
        if (const auto taken = take(text, name + " line " + std::to_string(line_number)); !taken) return taken;
        ++taken_count;
    }
    return taken_count == 0 ? Result<void>(wrong(name + " is empty")) : Result<void>{};
}

}  // namespace

Result<Headers> read_header_file(const std::string& path) {
    Headers headers;
    const auto done =
        read_lines("--header-file", path, [&](std::string_view text, const std::string& place) -> Result<void> {
            const std::size_t colon = text.find(':');
            if (colon == std::string_view::npos || !is_header_name(text.substr(0, colon)) ||
                !is_header_value(text.substr(colon + 1)))
                return wrong(place + " is no header; write Name: value");
            if (is_own_header(text.substr(0, colon)))
                return wrong(place + " has a header that sluice-load writes itself");
            headers.emplace_back(text.substr(0, colon), without_blanks(text.substr(colon + 1)));
            return {};
        });
    if (!done) return std::unexpected(done.error());
    return headers;
}

Result<std::vector<std::string>> read_token_file(const std::string& path) {
    std::vector<std::string> tokens;
    const auto done =
        read_lines("--tenants", path, [&](std::string_view text, const std::string& place) -> Result<void> {
            if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; }))
                return wrong(place + " is no token: it has a blank, or what is no visible ASCII");
            tokens.emplace_back(text);
            return {};
        });
    if (!done) return std::unexpected(done.error());
    return tokens;
}

std::string warning_of_file(std::string_view option, const std::string& path) {
    struct stat status{};
    if (path.empty() || ::stat(path.c_str(), &status) != 0 || (status.st_mode & S_IROTH) == 0) return {};
    return std::string(option) + ": " + quoted(path, 256) +
           " can be read by every user of this machine; chmod o-r mends that";
}

}  // namespace sluice::load
