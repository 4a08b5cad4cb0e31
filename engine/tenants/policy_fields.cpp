#include "engine/tenants/policy_fields.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "engine/config/units.hpp"
#include "engine/core/control_character.hpp"
#include "engine/core/limits.hpp"

namespace sluice::tenants {
namespace {

std::optional<double> number_of(const FileSetting& setting) {
    if (setting.type != FileSetting::Type::integer && setting.type != FileSetting::Type::decimal) return std::nullopt;
    double number = 0;
    const char* const end = setting.text.data() + setting.text.size();
    const auto read = std::from_chars(setting.text.data(), end, number);
    if (read.ec != std::errc{} || read.ptr != end || !std::isfinite(number)) return std::nullopt;
    return number;
}

// A list of texts of 1 to limits::type_bytes_max bytes.
Status read_texts(std::vector<std::string>& into, const FileSetting& setting, std::string_view allowed) {
    if (!is_array(setting) || setting.elements.size() > limits::policy_elements_count_max)
        return fault(setting, allowed);
    for (const FileSetting& element : setting.elements) {
        if (!is_string(element) || element.text.empty() || element.text.size() > limits::type_bytes_max)
            return fault(element, allowed);
        into.push_back(element.text);
    }
    return {};
}

Status read_window(std::uint64_t& into_ns, const FileSetting& setting) {
    constexpr std::string_view allowed = "a duration such as 24h; 0s for no bound";
    const auto duration_ns = config::parse_duration(setting.text);
    if (!is_string(setting) || !duration_ns) return fault(setting, allowed);
    into_ns = *duration_ns;
    return {};
}

// --- the quota -----------------------------------------------------------------------------------------------------

Status read_rate(double& into, const FileSetting& setting) {
    const auto number = number_of(setting);
    if (!number || *number <= 0 || *number > 1e12) return fault(setting, "a number above 0, at most 1e12");
    into = *number;
    return {};
}

Status read_bytes(double& into, const FileSetting& setting) {
    if (!is_string(setting)) return read_rate(into, setting);
    const auto bytes = config::parse_size(setting.text);
    if (!bytes || *bytes == 0) return fault(setting, "a size such as 20MiB, or a number of bytes");
    into = static_cast<double>(*bytes);
    return {};
}

Status read_burst(std::uint64_t& into_ns, const FileSetting& setting) {
    const auto seconds = number_of(setting);
    if (!seconds || *seconds < 0.1 || *seconds > 3600) return fault(setting, "a number of seconds from 0.1 to 3600");
    into_ns = static_cast<std::uint64_t>(*seconds * 1e9);
    return {};
}

Status read_connections(std::uint32_t& into, const FileSetting& setting) {
    const auto number = number_of(setting);
    const bool is_count = setting.type == FileSetting::Type::integer && number && *number >= 1 && *number <= 1e6;
    if (!is_count) return fault(setting, "a whole number from 1 to 1000000");
    into = static_cast<std::uint32_t>(*number);
    return {};
}

Status read_quota_member(QuotaSettings& quota, const FileSetting& member) {
    if (member.key == "samples_per_s") return read_rate(quota.samples_per_s, member);
    if (member.key == "bytes_per_s") return read_bytes(quota.bytes_per_s, member);
    if (member.key == "requests_per_s") return read_rate(quota.requests_per_s, member);
    if (member.key == "burst_s") return read_burst(quota.burst_ns, member);
    if (member.key == "connections") return read_connections(quota.connections_count, member);
    return std::unexpected(Fault{member.line,
                                 "a quota has samples_per_s, bytes_per_s, requests_per_s, burst_s and "
                                 "connections, and nothing else"});
}

}  // namespace

Status read_stream(Tenant& tenant, const FileSetting& setting) {
    const bool is_key = is_string(setting) && !setting.text.empty() &&
                        setting.text.size() <= limits::stream_key_bytes_max && !has_control_character(setting.text);
    if (!is_key) return fault(setting, "a key of 1 to 121 bytes without control characters");
    static_assert(limits::stream_key_bytes_max == 121);
    tenant.stream = setting.text;
    return {};
}

Status read_ack_max(Tenant& tenant, const FileSetting& setting) {
    tenant.ack_max = is_string(setting) ? ack_level_of(setting.text) : std::nullopt;
    return tenant.ack_max ? Status{} : fault(setting, "one of queued, journaled, stored and replicated");
}

Status read_allow_types(Tenant& tenant, const FileSetting& setting) {
    return read_texts(tenant.policy.allow_types, setting, "a list of at most 256 types, in which * is any text");
}

Status read_deny_types(Tenant& tenant, const FileSetting& setting) {
    return read_texts(tenant.policy.deny_types, setting, "a list of at most 256 types, in which * is any text");
}

Status read_required(Tenant& tenant, const FileSetting& setting) {
    constexpr std::string_view allowed =
        "a list of at most 256 members of a sample, without timestamp, which the engine sets where it lacks";
    if (auto read = read_texts(tenant.policy.required, setting, allowed); !read) return read;
    std::erase(tenant.policy.required, "device_id");  // every sample has it
    const bool has_time = std::ranges::find(tenant.policy.required, "timestamp") != tenant.policy.required.end();
    return has_time ? fault(setting, allowed) : Status{};
}

Status read_value_range(Tenant& tenant, const FileSetting& setting) {
    if (!is_table(setting) || setting.elements.size() > limits::policy_elements_count_max)
        return fault(setting, "a table of at most 256 types such as { temperature = [-90.0, 150.0] }");
    constexpr std::string_view allowed = "a list of two finite numbers, the smaller one first";
    for (const FileSetting& type : setting.elements) {
        if (type.key.empty() || type.key.size() > limits::type_bytes_max)
            return fault(setting, "a table whose names have 1 to 128 bytes");
        if (!is_array(type) || type.elements.size() != 2) return fault(type, allowed);
        const auto min = number_of(type.elements[0]), max = number_of(type.elements[1]);
        if (!min) return fault(type.elements[0], allowed);
        if (!max) return fault(type.elements[1], allowed);
        if (*min > *max) return fault(type, allowed);
        tenant.policy.value_ranges[type.key] = {*min, *max};
    }
    static_assert(limits::type_bytes_max == 128);
    return {};
}

Status read_timestamp_past_max(Tenant& tenant, const FileSetting& setting) {
    return read_window(tenant.policy.past_ns_max, setting);
}

Status read_timestamp_future_max(Tenant& tenant, const FileSetting& setting) {
    return read_window(tenant.policy.future_ns_max, setting);
}

Status read_quota(Tenant& tenant, const FileSetting& setting) {
    if (!is_table(setting)) return fault(setting, "a table such as { samples_per_s = 50000, burst_s = 2.0 }");
    for (const FileSetting& member : setting.elements)
        if (auto read = read_quota_member(tenant.quota, member); !read) return read;
    return {};
}

}  // namespace sluice::tenants
