#include "tools/load/plan/target.hpp"

#include <algorithm>

#include "engine/core/escape.hpp"
#include "engine/core/host_port.hpp"
#include "tools/load/plan/secrets.hpp"

namespace sluice::load {
namespace {

constexpr std::size_t shown_url_bytes_max = 128;

bool is_visible(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

std::expected<Target, PlanError> parse_target(std::string_view url) {
    const auto wrong = [&](std::string_view why) {
        return std::unexpected(PlanError{quoted(without_secrets(url), shown_url_bytes_max) + " " + std::string(why)});
    };
    constexpr std::string_view form = "is no URL of the form http[s]://host[:port][/path]";
    Target target;
    std::string_view rest = url;
    // Behind the path's begin, :// is no scheme's.
    if (const std::size_t scheme_end = rest.find("://");
        scheme_end != std::string_view::npos && rest.find_first_of("/?#") == scheme_end + 1) {
        const std::string_view scheme = rest.substr(0, scheme_end);
        if (scheme != "http" && scheme != "https") return wrong(form);
        target.is_tls = scheme == "https";
        if (target.is_tls) target.port = 443;
        rest.remove_prefix(scheme_end + 3);
    }
    if (!is_visible(rest)) return wrong("has characters that a URL must not have; write them as %XX");
    rest = rest.substr(0, rest.find('#'));
    const std::size_t path_begin = std::min(rest.find_first_of("/?"), rest.size());
    std::string_view authority = rest.substr(0, path_begin);
    target.path = std::string(rest.substr(path_begin));
    if (target.path.empty() || target.path.front() == '?') target.path.insert(0, "/");
    if (authority.find('@') != std::string_view::npos) return wrong("has a user name; send it with --header instead");

    const auto split = split_host_port(authority);
    if (!split || split->host.empty() || (!split->is_bracketed && split->host.contains(':'))) return wrong(form);
    target.host_header = std::string(authority);
    target.host = std::string(split->host);
    if (!split->port) return target;
    target.port = parse_port(*split->port).value_or(0);
    if (target.port == 0) return wrong("has no port between 1 and 65535");
    return target;
}

}  // namespace sluice::load
