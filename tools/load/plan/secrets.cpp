#include "tools/load/plan/secrets.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace sluice::load {
namespace {

constexpr std::string_view mask = "***";

// Parts of names whose values are secrets, in small letters.
constexpr std::array<std::string_view, 10> secret_name_parts{
    "passw", "requirepass", "token", "secret", "auth", "cookie", "api-key", "apikey", "credential", "signature"};

bool is_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
    });
}

bool is_secret_name(std::string_view name) {
    std::string lower(name.substr(std::min(name.find_first_not_of('-'), name.size())));
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return c == '_' ? '-' : static_cast<char>(std::tolower(c)); });
    return is_name(name) && (lower == "key" || lower == "sig" || lower == "pw" ||
                             std::any_of(secret_name_parts.begin(), secret_name_parts.end(),
                                         [&](std::string_view part) { return lower.find(part) != std::string::npos; }));
}

// The user and password in front of the host. In a URL of HTTP they end before the path, in which an @ is usual; in
// others a password that was not percent-encoded may hold anything.
std::string without_user(std::string_view url, std::size_t authority) {
    const bool is_http =
        url.substr(0, authority).ends_with("http://") || url.substr(0, authority).ends_with("https://");
    const std::size_t end = is_http ? std::min(url.find_first_of("/?#", authority), url.size()) : url.size();
    const std::size_t at = url.substr(0, end).rfind('@');
    if (at == std::string_view::npos || at < authority) return std::string(url);
    return std::string(url.substr(0, authority)).append(mask).append(url.substr(at));
}

std::string without_query_secrets(const std::string& url) {
    std::string shown;
    std::size_t begin = 0;
    while (begin < url.size()) {
        const std::size_t end = std::min(url.find_first_of("?&#", begin), url.size());
        const std::string_view part = std::string_view(url).substr(begin, end - begin);
        const std::size_t equals = part.find('=');
        const bool is_secret = begin != 0 && equals != std::string_view::npos && is_secret_name(part.substr(0, equals));
        shown.append(is_secret ? part.substr(0, equals + 1) : part).append(is_secret ? mask : "");
        if (end < url.size()) shown += url[end];
        begin = end + 1;
    }
    return shown;
}

std::string quoted_for_shell(const std::string& word) {
    const bool is_plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("-_./:=@,+%*").find(static_cast<char>(c)) != std::string_view::npos;
    });
    if (is_plain) return word;
    std::string text = "'";
    for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

}  // namespace

std::string without_secrets(std::string_view text) {
    if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos)
        return without_query_secrets(without_user(text, scheme + 3));
    const std::size_t end = text.find_first_of("=:");
    if (end != std::string_view::npos && is_name(text.substr(0, end))) {
        if (is_secret_name(text.substr(0, end))) return std::string(text.substr(0, end + 1)).append(mask);
        // --set=NAME=VALUE, --header=NAME: VALUE
        if (text[end] == '=') return std::string(text.substr(0, end + 1)) + without_secrets(text.substr(end + 1));
    }
    return without_query_secrets(std::string(text));
}

std::string shown_command_line(std::span<const std::string> words) {
    std::string text;
    bool is_secret = false;
    for (const std::string& word : words) {
        const bool is_option = word.starts_with('-');
        if (!text.empty()) text += ' ';
        text += is_secret && !is_option ? std::string(mask) : quoted_for_shell(without_secrets(word));
        is_secret = is_option && is_secret_name(word);
    }
    return text;
}

}  // namespace sluice::load
