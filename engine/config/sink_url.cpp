#include "engine/config/sink_url.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/config/addresses.hpp"
#include "engine/config/units.hpp"
#include "engine/core/control_character.hpp"
#include "engine/core/host_port.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/lower_case.hpp"

namespace sluice::config {
namespace {

constexpr std::uint16_t redis_port_default = 6379;
constexpr std::uint16_t sentinel_port_default = 26379;

// `text` before and after `separator` at `position`, which is a find() result.
std::string_view before(std::string_view text, std::size_t position) { return text.substr(0, position); }
std::string_view after(std::string_view text, std::size_t position) {
    return position == std::string_view::npos ? std::string_view{} : text.substr(position + 1);
}

std::optional<std::uint64_t> number_up_to(std::string_view text, std::uint64_t max) {
    const auto number = parse_count(text);
    if (!number || *number > max) return std::nullopt;
    return *number;
}

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
}

// RFC 3986, section 2.1. Nothing for a bad escape or a result of more than `bytes_max` bytes.
std::optional<std::string> percent_decoded(std::string_view text, std::size_t bytes_max) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (out.size() == bytes_max) return std::nullopt;
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (text.size() - i < 3) return std::nullopt;
        const auto high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
        if (!high || !low) return std::nullopt;
        out += static_cast<char>(*high << 4 | *low);
        i += 2;
    }
    return out;
}

// Letters, digits, '-', '.' and '_' (which Docker and Kubernetes put into names).
std::optional<std::string> host_name(std::string_view host) {
    constexpr auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    };
    if (host.empty() || host.size() > limits::host_name_bytes_max) return std::nullopt;
    if (!std::ranges::all_of(host, allowed)) return std::nullopt;
    return std::string(host);
}

// `user`, `user:password`, `:password`.
bool read_credentials(std::string_view text, SinkUrl& url) {
    if (text.find_first_of("/?#@") != std::string_view::npos) return false;
    const std::size_t colon = text.find(':');
    const auto user = percent_decoded(before(text, colon), limits::credential_bytes_max);
    const auto password = percent_decoded(after(text, colon), limits::credential_bytes_max);
    if (!user || !password) return false;
    url.user = *user;
    url.password = *password;
    // A lone word may well be a password: redis-cli took it so before there were users.
    if (colon == std::string_view::npos) url.display += "***@";
    else url.display.append(before(text, colon)).append(":***@");
    return true;
}

std::expected<ServerAddress, ValueError> parse_server(std::string_view text, std::uint16_t port_default) {
    const auto split = split_host_port(text);
    if (!split) return std::unexpected(ValueError::host_invalid);
    const auto host = split->is_bracketed ? canonical_address(split->host, AF_INET6) : host_name(split->host);
    if (!host) return std::unexpected(ValueError::host_invalid);
    const auto port_text = split->port;
    const auto port = port_text ? parse_port(*port_text) : port_default;
    if (!port || *port == 0) return std::unexpected(ValueError::port_invalid);
    return ServerAddress{*host, *port};
}

// Reads `[user[:password]@]` into `url`; returns what stands behind it, which holds no query.
std::expected<std::string_view, ValueError> read_authority(std::string_view text, SinkUrl& url) {
    const std::size_t at = text.rfind('@');
    if (at != std::string_view::npos && !read_credentials(before(text, at), url)) {
        return std::unexpected(ValueError::credentials_invalid);
    }
    const std::string_view location = at == std::string_view::npos ? text : after(text, at);
    if (location.find_first_of("?#") != std::string_view::npos) return std::unexpected(ValueError::query_unknown);
    return location;
}

std::expected<void, ValueError> read_database(std::string_view text, SinkUrl& url) {
    if (text.empty()) return {};
    const auto number = number_up_to(text, limits::redis_database_max);
    if (!number) return std::unexpected(ValueError::database_invalid);
    url.db = static_cast<std::uint32_t>(*number);
    url.display.append("/").append(std::to_string(url.db));
    return {};
}

// `host[:port]`, several of them separated by commas.
std::expected<void, ValueError> read_servers(std::string_view text, std::uint16_t port_default, SinkUrl& url) {
    for (std::size_t count = 0;; ++count) {
        if (count == limits::url_servers_count_max) return std::unexpected(ValueError::servers_too_many);
        const std::size_t comma = text.find(',');
        auto server = parse_server(before(text, comma), port_default);
        if (!server) return std::unexpected(server.error());
        url.display.append(count == 0 ? "" : ",").append(format_server(*server));
        url.servers.push_back(*std::move(server));
        if (comma == std::string_view::npos) return {};
        text = after(text, comma);
    }
}

// What stands behind a scheme; `url` has its kind and display.
using Parsed = std::expected<SinkUrl, ValueError>;

// redis://
Parsed parse_tcp(SinkUrl url, std::string_view text) {
    const auto location = read_authority(text, url);
    if (!location) return std::unexpected(location.error());
    const std::size_t slash = location->find('/');
    auto server = parse_server(before(*location, slash), redis_port_default);
    if (!server) return std::unexpected(server.error());
    url.display += format_server(*server);
    url.host = std::move(server->address);
    url.port = server->port;
    if (const auto read = read_database(after(*location, slash), url); !read) return std::unexpected(read.error());
    return url;
}

// redis-cluster://. A cluster has database 0 only.
Parsed parse_cluster(SinkUrl url, std::string_view text) {
    const auto location = read_authority(text, url);
    if (!location) return std::unexpected(location.error());
    const std::size_t slash = location->find('/');
    if (!after(*location, slash).empty()) return std::unexpected(ValueError::database_in_cluster);
    const auto read = read_servers(before(*location, slash), redis_port_default, url);
    if (!read) return std::unexpected(read.error());
    return url;
}

// redis-sentinel://
Parsed parse_sentinel(SinkUrl url, std::string_view text) {
    const auto location = read_authority(text, url);
    if (!location) return std::unexpected(location.error());
    const std::size_t slash = location->find('/');
    const auto read = read_servers(before(*location, slash), sentinel_port_default, url);
    if (!read) return std::unexpected(read.error());
    const std::string_view path = after(*location, slash);
    const std::size_t second = path.find('/');
    const auto master = percent_decoded(before(path, second), limits::host_name_bytes_max);
    if (!master || master->empty()) return std::unexpected(ValueError::master_missing);
    url.master = *master;
    url.display.append("/").append(before(path, second));
    const auto database = read_database(after(path, second), url);
    if (!database) return std::unexpected(database.error());
    return url;
}

// redis+unix://
Parsed parse_unix(SinkUrl url, std::string_view text) {
    const std::size_t question = text.find('?');
    const auto path = percent_decoded(before(text, question), limits::unix_socket_path_bytes_max);
    if (!path || !path->starts_with('/') || path->find('\0') != std::string::npos) {
        return std::unexpected(ValueError::socket_path_invalid);
    }
    url.path = *path;
    url.display += text;
    if (question == std::string_view::npos) return url;
    const std::string_view query = after(text, question);
    if (!query.starts_with("db=")) return std::unexpected(ValueError::query_unknown);
    const auto number = number_up_to(query.substr(3), limits::redis_database_max);
    if (!number) return std::unexpected(ValueError::database_invalid);
    url.db = static_cast<std::uint32_t>(*number);
    return url;
}

// journal:
Parsed parse_journal(SinkUrl url, std::string_view directory) {
    if (directory.empty() || directory.size() > limits::directory_path_bytes_max)
        return std::unexpected(ValueError::directory_invalid);
    url.path = directory;
    url.display += directory;
    return url;
}

Parsed parse_null(SinkUrl url, std::string_view rest) {
    if (!rest.empty()) return std::unexpected(ValueError::scheme_unknown);
    return url;
}

// Each host as it is compared.
std::vector<ServerAddress> servers_named(const SinkUrl& url) {
    std::vector<ServerAddress> servers = url.servers;
    if (!url.host.empty()) servers.push_back({url.host, url.port});
    for (ServerAddress& server : servers) {
        server.address = lower_case(server.address);
        if (server.address == "127.0.0.1" || server.address == "::1") server.address = "localhost";
    }
    return servers;
}

struct Scheme {
    std::string_view prefix;
    SinkKind kind;
    Parsed (*parse)(SinkUrl url, std::string_view rest);
    bool is_tls = false;
};
constexpr Scheme schemes[] = {
    {"redis://", SinkKind::redis, parse_tcp},
    {"redis+unix://", SinkKind::redis, parse_unix},
    {"redis-cluster://", SinkKind::redis_cluster, parse_cluster},
    {"redis-sentinel://", SinkKind::redis_sentinel, parse_sentinel},
    {"rediss://", SinkKind::redis, parse_tcp, true},
    {"rediss-cluster://", SinkKind::redis_cluster, parse_cluster, true},
    {"rediss-sentinel://", SinkKind::redis_sentinel, parse_sentinel, true},
    {"journal:", SinkKind::journal, parse_journal},
    {"null:", SinkKind::null, parse_null},
};

}  // namespace

std::expected<SinkUrl, ValueError> parse_sink_url(std::string_view text) {
    if (has_control_character(text)) return std::unexpected(ValueError::control_character);
    const auto begins = [&](const Scheme& scheme) {
        return lower_case(text.substr(0, scheme.prefix.size())) == scheme.prefix;
    };
    const auto* const scheme = std::ranges::find_if(schemes, begins);
    if (scheme == std::end(schemes)) return std::unexpected(ValueError::scheme_unknown);
    SinkUrl url{.kind = scheme->kind, .is_tls = scheme->is_tls, .display = std::string(scheme->prefix)};
    return scheme->parse(std::move(url), text.substr(scheme->prefix.size()));
}

bool names_the_same(std::string_view a, std::string_view b) {
    const auto one = parse_sink_url(a), other = parse_sink_url(b);
    if (!one || !other) return a == b;
    if (one->kind != other->kind || one->db != other->db || one->path != other->path || one->master != other->master)
        return false;
    const auto servers = servers_named(*one), others = servers_named(*other);
    return servers.empty() ? others.empty() : std::ranges::find_first_of(servers, others) != servers.end();
}

std::string redact_url(std::string_view text) {
    std::string shown(text);
    if (const std::size_t at = shown.rfind('@'); at != std::string::npos) {
        const std::size_t colon = before(shown, at).find(':');
        const std::size_t secret = colon == std::string::npos ? 0 : shown.find_first_not_of('/', colon + 1);
        // A question mark on the left: the @ may stand in a password of the query, and nothing is safe to show.
        const bool unclear = before(shown, at).find('?') != std::string::npos;
        shown.replace(secret, unclear ? std::string::npos : at - secret, "***");
    }
    if (const std::size_t question = shown.find('?'); question != std::string::npos) {
        shown.replace(question, std::string::npos, "?***");
    }
    return shown;
}

}  // namespace sluice::config
