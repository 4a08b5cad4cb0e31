#include "engine/ingest/credentials.hpp"

#include <algorithm>

#include "engine/ingest/percent.hpp"
#include "parsers/http/text.hpp"

namespace sluice {
namespace {

using parsers::RequestHeader;

// The value of a letter of base64 (RFC 4648 section 4); 64: it is none.
std::uint32_t base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
    if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a') + 26;
    if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

// Empty: it is no base64. Padding may be left out.
std::string_view base64_decoded(std::string_view text, TokenBuffer& buffer) {
    while (text.ends_with('=')) text.remove_suffix(1);
    std::uint32_t bits = 0;
    int bits_count = 0;
    std::size_t bytes = 0;
    for (const char c : text) {
        const std::uint32_t value = base64_value(c);
        if (value == 64 || bytes == buffer.size()) return {};
        bits = bits << 6 | value;
        bits_count += 6;
        if (bits_count < 8) continue;
        bits_count -= 8;
        buffer[bytes++] = static_cast<char>(bits >> bits_count);
    }
    return {buffer.data(), bytes};
}

// Behind the first colon; all of it if there is none.
std::string_view behind_user(std::string_view text) {
    const std::size_t colon = text.find(':');
    return colon == std::string_view::npos ? text : text.substr(colon + 1);
}

std::string_view scheme_of(std::string_view authorization) { return authorization.substr(0, authorization.find(' ')); }

bool is_known_scheme(std::string_view scheme) {
    constexpr std::string_view known[] = {"bearer", "token", "basic"};
    return std::ranges::any_of(known,
                               [scheme](std::string_view one) { return parsers::equals_ignoring_case(scheme, one); });
}

std::string_view authorization_token(std::string_view value, TokenBuffer& buffer) {
    const std::string_view scheme = scheme_of(value);
    const std::string_view rest = parsers::trim_ows(value.substr(scheme.size()));
    if (parsers::equals_ignoring_case(scheme, "bearer")) return rest;
    if (parsers::equals_ignoring_case(scheme, "token")) return behind_user(rest);
    if (!parsers::equals_ignoring_case(scheme, "basic")) return {};
    const std::string_view pair = base64_decoded(rest, buffer);
    return pair.contains(':') ? behind_user(pair) : std::string_view{};
}

// Of InfluxDB 1.x. The last of several counts.
std::string_view query_password(std::string_view query) {
    std::string_view user, password;
    while (!query.empty()) {  // ends: each turn takes a parameter off
        const std::string_view parameter = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), parameter.size() + 1));
        if (parameter.starts_with("u=")) user = parameter.substr(2);
        if (parameter.starts_with("p=")) password = parameter.substr(2);
    }
    return user.empty() ? user : password;
}

}  // namespace

Credential find_credential(const http::Request& request, bool takes_query) {
    using Source = Credential::Source;
    if (takes_query)
        if (const std::string_view password = query_password(request.query); !password.empty())
            return {Source::query, password};
    const auto& authorization = request.head.value(RequestHeader::authorization);
    if (authorization.count > 1) return {};
    const auto& key = request.head.value(RequestHeader::x_api_key);
    if (authorization.count == 1) {
        const std::string_view value = request.head.header(RequestHeader::authorization);
        if (key.count != 1 || is_known_scheme(scheme_of(value))) return {Source::authorization, value};
    }
    if (key.count != 1) return {};
    return {Source::api_key, request.head.header(RequestHeader::x_api_key)};
}

std::string_view token_of(const Credential& credential, TokenBuffer& buffer) {
    switch (credential.source) {
        case Credential::Source::none: break;
        case Credential::Source::authorization: return authorization_token(credential.text, buffer);
        case Credential::Source::api_key: return credential.text;
        case Credential::Source::query: return percent_decoded(credential.text, buffer).value_or("");
    }
    return {};
}

}  // namespace sluice
