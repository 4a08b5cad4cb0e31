#include "engine/tenants/tenants_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <span>
#include <utility>

#include "engine/core/control_character.hpp"
#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"
#include "engine/tenants/fields.hpp"
#include "engine/tenants/policy_fields.hpp"
#include "engine/tenants/token.hpp"

namespace sluice::tenants {
namespace {

// A member of a table, by its name.
template <typename T>
struct Row {
    std::string_view name;
    Status (*read)(T& into, const FileSetting& setting);
};

template <typename T>
std::string names_of(std::span<const Row<T>> rows) {
    std::string names;
    for (const Row<T>& row : rows) names.append(names.empty() ? "" : ", ").append(row.name);
    return names;
}

// `whose`: what the table is, in a sentence.
template <typename T>
Status read_members(T& into, const FileSetting& table, std::span<const Row<T>> rows, std::string_view whose) {
    for (const FileSetting& member : table.elements) {
        const auto row = std::ranges::find(rows, std::string_view(member.key), &Row<T>::name);
        if (row == rows.end())
            return std::unexpected(Fault{member.line, quoted(member.key, limits::shown_bytes_max) +
                                                          " is no member of " + std::string(whose) + "; known are " +
                                                          names_of(rows)});
        if (auto read = row->read(into, member); !read) return read;
    }
    return {};
}

// --- a token -------------------------------------------------------------------------------------------------------

Status read_id(Token& token, const FileSetting& setting) {
    if (!is_string(setting) || !is_token_id(setting.text)) return hidden_fault(setting, "8 of a-z and 0-9");
    token.id = setting.text;
    return {};
}

Status read_hash(Token& token, const FileSetting& setting) {
    const auto digest = parse_hash(setting.text);
    if (!is_string(setting) || !digest)
        return hidden_fault(setting, "sha256: and 64 hexadecimal digits, as `sluice token new` prints it");
    token.digest = *digest;
    return {};
}

Status read_expires(Token& token, const FileSetting& setting) {
    constexpr std::string_view allowed = "a time with its offset, such as 2027-01-01T00:00:00Z";
    if (setting.type != FileSetting::Type::date_time || setting.text.empty()) return fault(setting, allowed);
    const auto read = std::from_chars(setting.text.data(), setting.text.data() + setting.text.size(), token.expires_s);
    token.expires_s = std::max<std::int64_t>(token.expires_s, 1);  // before 1970: it has expired, and 0 is never
    return read.ec == std::errc{} ? Status{} : fault(setting, allowed);
}

Status read_scopes(Token& token, const FileSetting& setting) {
    constexpr std::string_view allowed = "a list of write and query";
    if (!is_array(setting) || setting.elements.empty()) return fault(setting, allowed);
    token.scopes_mask = 0;
    for (const FileSetting& element : setting.elements) {
        const bool is_write = is_string(element) && element.text == "write";
        if (!is_write && !(is_string(element) && element.text == "query")) return fault(element, allowed);
        token.scopes_mask |= static_cast<std::uint8_t>(is_write ? Scope::write : Scope::query);
    }
    return {};
}

constexpr Row<Token> token_rows[] = {
    {"id", read_id}, {"hash", read_hash}, {"expires", read_expires}, {"scopes", read_scopes}};

// --- a tenant ------------------------------------------------------------------------------------------------------

Status read_name(Tenant& tenant, const FileSetting& setting) {
    if (!is_string(setting) || !is_tenant_name(setting.text)) return fault(setting, tenant_name_allowed);
    tenant.name = setting.text;
    return {};
}

Status read_tokens(Tenant& tenant, const FileSetting& setting) {
    constexpr std::string_view allowed = "at most 8 tables such as { id = \"k3v9x2ab\", hash = \"sha256:…\" }";
    static_assert(limits::tokens_per_tenant_count_max == 8);
    if (!is_array(setting) || setting.elements.size() > limits::tokens_per_tenant_count_max)
        return fault(setting, allowed);
    for (const FileSetting& element : setting.elements) {
        if (!is_table(element)) return hidden_fault(element, allowed);
        Token token{.id = {}, .scopes_mask = static_cast<std::uint8_t>(Scope::write)};
        if (auto read = read_members<Token>(token, element, token_rows, "a token"); !read) return read;
        if (token.id.empty() || token.digest == Digest{})
            return std::unexpected(Fault{element.line, "a token needs id and hash"});
        tenant.tokens.push_back(std::move(token));
    }
    return {};
}

Status read_fingerprint(CertificateName& name, const FileSetting& setting) {
    const auto digest = parse_hash(setting.text);
    if (!is_string(setting) || !digest)
        return fault(setting, "sha256: and 64 hexadecimal digits, the hash of the certificate as DER");
    name = {CertificateNameKind::fingerprint, hash_text(*digest).substr(std::string_view("sha256:").size())};
    return {};
}

template <CertificateNameKind kind>
Status read_certificate_name(CertificateName& name, const FileSetting& setting) {
    const bool is_name = is_string(setting) && !setting.text.empty() &&
                         setting.text.size() <= limits::certificate_name_bytes_max &&
                         !has_control_character(setting.text);
    if (!is_name) return fault(setting, "a text of 1 to 256 bytes without control characters");
    static_assert(limits::certificate_name_bytes_max == 256);
    name = {kind, setting.text};
    return {};
}

constexpr Row<CertificateName> certificate_rows[] = {
    {"fingerprint", read_fingerprint},
    {"uri", read_certificate_name<CertificateNameKind::uri>},
    {"dns", read_certificate_name<CertificateNameKind::dns>},
    {"common_name", read_certificate_name<CertificateNameKind::common_name>}};

Status read_certificates(Tenant& tenant, const FileSetting& setting) {
    constexpr std::string_view allowed = "at most 64 tables such as { uri = \"spiffe://acme/agent\" }";
    static_assert(limits::certificates_per_tenant_count_max == 64);
    if (!is_array(setting) || setting.elements.size() > limits::certificates_per_tenant_count_max)
        return fault(setting, allowed);
    for (const FileSetting& element : setting.elements) {
        if (!is_table(element) || element.elements.size() != 1) return fault(element, allowed);
        CertificateName name;
        if (auto read = read_members<CertificateName>(name, element, certificate_rows, "a certificate"); !read)
            return read;
        tenant.certificates.push_back(std::move(name));
    }
    return {};
}

Status read_addresses(Tenant& tenant, const FileSetting& setting) {
    constexpr std::string_view allowed = "a list of networks such as 10.1.0.0/16, whose bits behind the prefix are 0";
    if (!is_array(setting) || setting.elements.empty() ||
        setting.elements.size() > limits::networks_per_tenant_count_max)
        return fault(setting, allowed);
    for (const FileSetting& element : setting.elements) {
        const auto network = is_string(element) ? parse_ip_network(element.text) : std::nullopt;
        if (!network) return fault(element, allowed);
        tenant.addresses.push_back(*network);
    }
    return {};
}

Status read_dead_letter(Tenant& tenant, const FileSetting& setting) {
    if (setting.type != FileSetting::Type::boolean) return fault(setting, "true or false");
    tenant.has_dead_letters = setting.text == "true";
    return {};
}

constexpr Row<Tenant> tenant_rows[] = {{"name", read_name},
                                       {"tokens", read_tokens},
                                       {"certificates", read_certificates},
                                       {"addresses", read_addresses},
                                       {"stream", read_stream},
                                       {"ack_max", read_ack_max},
                                       {"allow_types", read_allow_types},
                                       {"deny_types", read_deny_types},
                                       {"required", read_required},
                                       {"value_range", read_value_range},
                                       {"timestamp_past_max", read_timestamp_past_max},
                                       {"timestamp_future_max", read_timestamp_future_max},
                                       {"quota", read_quota},
                                       {"dead_letter", read_dead_letter}};

// --- the file ------------------------------------------------------------------------------------------------------

Status read_tenant(TenantsFile& file, const FileSetting& table) {
    Tenant tenant;
    if (auto read = read_members<Tenant>(tenant, table, tenant_rows, "a tenant"); !read) return read;
    if (tenant.name.empty()) return std::unexpected(Fault{table.line, "a tenant needs a name"});
    file.tenants.push_back(std::move(tenant));
    return {};
}

// Where a tenant stands in the file, and its tokens and certificates, in their order.
struct Lines {
    std::uint32_t tenant = 0;
    std::vector<std::uint32_t> tokens;
    std::vector<std::uint32_t> certificates;
};

std::vector<std::uint32_t> lines_of(const FileSetting& table, std::string_view member) {
    std::vector<std::uint32_t> lines;
    for (const FileSetting& setting : table.elements)
        if (setting.key == member)
            for (const FileSetting& element : setting.elements) lines.push_back(element.line);
    return lines;
}

// A token or a certificate of two tenants would belong to neither.
Status check_unique(const TenantsFile& file, const std::vector<Lines>& lines) {
    std::set<std::string_view> names, ids;
    std::set<Digest> digests;
    std::set<CertificateName> certificates;
    const auto twice = [](std::uint32_t line, std::string_view what) {
        return std::unexpected(Fault{line, std::string(what) + " stands in the file twice"});
    };
    for (std::size_t i = 0; i < file.tenants.size(); ++i) {
        const Tenant& tenant = file.tenants[i];
        if (!names.insert(tenant.name).second) return twice(lines[i].tenant, "tenant " + tenant.name);
        for (std::size_t t = 0; t < tenant.tokens.size(); ++t) {
            const Token& token = tenant.tokens[t];
            if (!ids.insert(token.id).second) return twice(lines[i].tokens[t], "token " + token.id);
            if (!digests.insert(token.digest).second) return twice(lines[i].tokens[t], "the hash of token " + token.id);
        }
        for (std::size_t c = 0; c < tenant.certificates.size(); ++c)
            if (!certificates.insert(tenant.certificates[c]).second)
                return twice(lines[i].certificates[c], "a certificate of tenant " + tenant.name);
    }
    return {};
}

Status read_all(TenantsFile& file, std::span<const FileSetting> settings) {
    std::vector<Lines> lines;
    for (const FileSetting& setting : settings) {
        const bool is_tenants = setting.key == "tenant" && is_array(setting);
        if (!is_tenants)
            return std::unexpected(Fault{setting.line, quoted(setting.key, limits::shown_bytes_max) +
                                                           " is not known here; each tenant is a table [[tenant]]"});
        if (setting.elements.size() > limits::tenants_count_max)
            return std::unexpected(Fault{setting.line, "there are more than 1024 tenants"});
        for (const FileSetting& table : setting.elements) {
            if (!is_table(table)) return fault(table, "a table [[tenant]]");
            if (auto read = read_tenant(file, table); !read) return read;
            lines.push_back({table.line, lines_of(table, "tokens"), lines_of(table, "certificates")});
        }
    }
    static_assert(limits::tenants_count_max == 1024);
    return check_unique(file, lines);
}

// Hashes of tokens are no secrets, but names, rights and quotas are nobody's business, and who can write may get in.
void warn_of_mode(const std::string& path, std::vector<std::string>& warnings) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return;
    if ((info.st_mode & (S_IROTH | S_IWOTH)) != 0)
        warnings.push_back("others than its owner and group can read or write it; chmod o-rw mends that");
}

}  // namespace

std::expected<TenantsFile, std::string> read_tenants_file(const std::string& path) {
    std::string place;
    append_escaped(place, path, limits::directory_path_bytes_max);
    const auto sentence = [&](std::uint32_t line, const std::string& what) {
        return std::unexpected(place + (line == 0 ? "" : ":" + std::to_string(line)) + ": " + what);
    };
    const auto settings = config::read_toml_file(path);
    if (!settings) return sentence(settings.error().line, settings.error().what);
    TenantsFile file;
    if (const auto read = read_all(file, *settings); !read) return sentence(read.error().line, read.error().what);
    warn_of_mode(path, file.warnings);
    return file;
}

}  // namespace sluice::tenants
