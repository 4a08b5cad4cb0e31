#include "tools/load/command/tls_options.hpp"

#include <algorithm>
#include <utility>

namespace sluice::load {
namespace {

constexpr std::size_t server_name_bytes_max = 255;  // RFC 1035 section 2.3.4; OpenSSL sends no longer one

Result<tls::Versions> parse_versions(std::string_view text) {
    if (text == "1.2") return tls::Versions::only_1_2;
    if (text == "1.3") return tls::Versions::only_1_3;
    return wrong(quoted(text, 64) + " is neither 1.2 nor 1.3");
}

Result<std::string> parse_server_name(std::string_view text) {
    const bool is_name = text.size() <= server_name_bytes_max &&
                         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '/'; });
    if (!is_name) return wrong(quoted(text, 64) + " is no name of a server, and no address");
    return std::string(text);
}

}  // namespace

void declare(CLI::App& app, TlsOptions& options) {
    constexpr const char* heading = "TLS (of https://)";
    const auto add = [&](const char* name, std::string& value, const char* type, const char* help) {
        app.add_option(name, value, help)->type_name(type)->group(heading)->check([](const std::string& text) {
            return text.empty() ? "must not be empty" : "";
        });
    };
    add("--ca", options.ca, "FILE",
        "Who signs the server's certificate, in PEM (default: all whom this machine trusts); a certificate that signs "
        "itself stands for itself");
    add("--cert", options.certificate, "FILE",
        "Show this certificate, in PEM, with those behind it that lead to a root");
    add("--key", options.key, "FILE", "Its key, which other users must not be able to read");
    add("--server-name", options.server_name, "NAME",
        "Whom the server's certificate must be for, and which server is asked for (SNI; default: the URL's host)");
    add("--tls-version", options.version, "VERSION", "1.2 or 1.3, and no other (default: either)");
    app.add_flag("--insecure", options.is_insecure, "Take any certificate of the server")->group(heading);
    app.add_flag("--tls-resume", options.resumes,
                 "A connection resumes the session of the one before it, with the server's ticket; else each "
                 "handshake is a full one. See --reconnect-every")
        ->group(heading);
}

Result<std::optional<tls::ClientSettings>> tls_settings_of(const TlsOptions& options, const Target& target) {
    if (!target.is_tls) return std::nullopt;
    tls::ClientSettings settings;
    settings.server_name = target.host;
    settings.ca = options.ca;
    if (options.certificate.empty() != options.key.empty())
        return wrong("--cert and --key belong together; give both of them");
    if (options.is_insecure && !options.ca.empty())
        return wrong("--insecure takes any certificate, and --ca does not; leave one of them out");
    if (!options.certificate.empty())
        settings.pair = tls::PairFiles{.certificate = options.certificate, .key = options.key};
    settings.is_verified = !options.is_insecure;
    settings.keeps_tickets = options.resumes;
    if (const auto done = read("--tls-version", options.version, parse_versions, settings.versions); !done)
        return std::unexpected(done.error());
    if (options.server_name.empty()) return settings;
    const auto name = parse_server_name(options.server_name);
    if (!name) return wrong("--server-name: " + name.error().sentence);
    settings.server_name = *name;
    return settings;
}

Result<void> check_unused(const TlsOptions& options) {
    for (const auto& [name, is_given] : {std::pair{"--ca", !options.ca.empty()},
                                         {"--cert", !options.certificate.empty()},
                                         {"--key", !options.key.empty()},
                                         {"--server-name", !options.server_name.empty()},
                                         {"--tls-version", !options.version.empty()},
                                         {"--insecure", options.is_insecure},
                                         {"--tls-resume", options.resumes}})
        if (is_given) return wrong(std::string(name) + " is for a URL that begins with https://");
    return {};
}

}  // namespace sluice::load
