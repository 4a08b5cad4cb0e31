#include "tools/load/command/secret_files.hpp"

#include <sys/stat.h>

#include <fstream>

namespace sluice::load {
namespace {

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

}  // namespace

Result<Headers> read_header_file(const std::string& path) {
    const std::string name = "--header-file: " + quoted(path, 256);
    std::ifstream file(path, std::ios::binary);
    Headers headers;
    std::size_t line_number = 0;
    for (std::string line; std::getline(file, line);) {
        ++line_number;
        const std::string_view text = without_blanks(line);
        if (text.empty() || text.starts_with('#')) continue;
        const std::string place = name + " line " + std::to_string(line_number);
        const std::size_t colon = text.find(':');
        if (colon == std::string_view::npos || !is_header_name(text.substr(0, colon)) ||
            !is_header_value(text.substr(colon + 1)))
            return wrong(place + " is no header; write Name: value");
        if (is_own_header(text.substr(0, colon))) return wrong(place + " has a header that sluice-load writes itself");
        headers.emplace_back(text.substr(0, colon), without_blanks(text.substr(colon + 1)));
    }
    if (!file.eof()) return wrong(name + " cannot be read");
    if (headers.empty()) return wrong(name + " holds no header");
    return headers;
}

std::string warning_of_header_file(const std::string& path) {
    struct stat status{};
    if (path.empty() || ::stat(path.c_str(), &status) != 0 || (status.st_mode & S_IROTH) == 0) return {};
    return "--header-file: " + quoted(path, 256) + " can be read by every user of this machine; chmod o-r mends that";
}

}  // namespace sluice::load
