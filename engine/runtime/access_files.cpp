#include "engine/runtime/access_files.hpp"

#include <charconv>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "engine/core/limits.hpp"
#include "engine/core/redis_layout.hpp"
#include "engine/dead_letters/dead_letters.hpp"
#include "engine/delivery/sink_factory.hpp"
#include "engine/tenants/admin_token.hpp"

namespace sluice {

namespace {

std::string layout_name(const config::Config& config) {
    return std::string(redis_layout_names[static_cast<std::size_t>(config.sink.redis.layout)]);
}

bool is_cluster(const config::Config& config) { return config.sink.url.kind == config::SinkKind::redis_cluster; }

// The sample is written as it came, so its tenant can only be told by where it is written.
bool needs_own_streams(const config::Config& config) { return config.sink.redis.layout != RedisLayout::fields; }

std::optional<std::string> fault_of_stream(const config::Config& config, const tenants::Tenant& tenant) {
    const bool has_braces = tenant.stream.find_first_of("{}") != std::string::npos;
    if (has_braces && (config.sink.redis.partitions_count > 1 || config.sink.redis.exactly_once))
        return "its stream holds { or }, which does not go with partitions and exactly_once";
    if (config.sink.redis.exactly_once && tenant.stream.size() > limits::owned_stream_key_bytes_max)
        return "its stream has more than 71 bytes, which does not go with exactly_once";
    static_assert(limits::owned_stream_key_bytes_max == 71);
    const bool is_shared = tenant.stream.empty() || tenant.stream == config.sink.redis.stream ||
                           tenant.stream == config.sink.redis.list_key;
    if (is_shared && needs_own_streams(config))
        return "it needs a stream of its own: the layout " + layout_name(config) +
               " does not name the tenant in a sample";
    return std::nullopt;
}

// Streams, or lists, that samples go to, by key: whose they are.
using Owners = std::map<std::string, std::string, std::less<>>;

const std::string& shared_key(const config::Config& config) {
    const auto& redis = config.sink.redis;
    return redis.layout == RedisLayout::list ? redis.list_key : redis.stream;
}

Owners owners_of(const config::Config& config, const tenants::TenantTable& table) {
    Owners owners{{shared_key(config), "all"}};
    for (const tenants::Tenant& tenant : table.tenants())
        if (!tenant.stream.empty()) owners.emplace(tenant.stream, "tenant " + tenant.name);
    return owners;
}

// The number in `:{7}` at the end of `key`, which is taken off; nothing: there is none.
std::optional<std::uint64_t> take_partition(std::string_view& key) {
    const std::size_t begin = key.rfind(":{");
    if (begin == std::string_view::npos || !key.ends_with('}')) return std::nullopt;
    const std::string_view digits = key.substr(begin + 2, key.size() - begin - 3);
    std::uint64_t number = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size()) return std::nullopt;
    key = key.substr(0, begin);
    return number;
}

// What else the engine writes to `key`, which is a stream of `owners`: the rest of a sentence.
std::optional<std::string> other_use_of(std::string_view key, const config::Config& config, const Owners& owners) {
    const auto& redis = config.sink.redis;
    if (redis.exactly_once && key == redis.stream + ":streams") return "is where exactly_once lists its streams";
    if (key.ends_with(dead_letters::stream_suffix)) {
        const auto owner = owners.find(key.substr(0, key.size() - dead_letters::stream_suffix.size()));
        if (owner != owners.end())
            return "is where dead letters of the stream of " + owner->second + ", " + owner->first + ", go";
    }
    const bool has_partitions = redis.layout != RedisLayout::list && (redis.partitions_count > 1 || redis.exactly_once);
    if (const auto number = take_partition(key); has_partitions && number && *number < redis.partitions_count)
        if (const auto owner = owners.find(key); owner != owners.end())
            return "is a partition of the stream of " + owner->second + ", " + owner->first;
    return std::nullopt;
}

// A key that the engine writes something else to would mix what belongs to two tenants.
std::optional<std::string> fault_of_keys(const config::Config& config, const tenants::TenantTable& table) {
    const Owners owners = owners_of(config, table);
    for (const auto& [key, owner] : owners)
        if (const auto use = other_use_of(key, config, owners))
            return std::string("the stream of ").append(owner).append(", ").append(key).append(", ").append(*use);
    return std::nullopt;
}

// Where they need streams of their own: whose stream is another's, too.
std::optional<std::string> fault_of_sharing(const config::Config& config, const tenants::TenantTable& table) {
    if (!needs_own_streams(config)) return std::nullopt;
    std::set<std::string_view> streams;
    for (const tenants::Tenant& tenant : table.tenants())
        if (!streams.insert(tenant.stream).second)
            return "tenant " + tenant.name + ": its stream is another tenant's, too, and the layout " +
                   layout_name(config) + " does not name the tenant in a sample";
    return std::nullopt;
}

}  // namespace

bool has_lane_per_stream(const config::Config& config) {
    return is_cluster(config) || config.sink.redis.layout == RedisLayout::packed;
}

bool has_fixed_streams(const config::Config& config) {
    return has_lane_per_stream(config) || config.sink.redis.exactly_once;
}

std::optional<std::string> fault_of_tenants(const config::Config& config, const tenants::TenantTable& table) {
    if (const auto fault = fault_of_keys(config, table)) return fault;
    for (const tenants::Tenant& tenant : table.tenants())
        if (const auto fault = fault_of_stream(config, tenant)) return "tenant " + tenant.name + ": " + *fault;
    if (const auto fault = fault_of_sharing(config, table)) return fault;
    if (has_lane_per_stream(config) && table.streams().size() > limits::tenant_lanes_count_max)
        return "tenants have more than 64 streams of their own, which is too many for a cluster and for the layout "
               "packed";
    static_assert(limits::tenant_lanes_count_max == 64);
    return std::nullopt;
}

std::vector<std::string> tenant_warnings(const config::Config& config, const tenants::TenantTable& table,
                                         std::int64_t unix_s) {
    std::vector<std::string> warnings;
    if (table.tenants().empty()) warnings.push_back("there is no tenant in it: nobody can send");
    const AckOffer offer = ack_offer(config);
    for (const tenants::Tenant& tenant : table.tenants()) {
        for (const tenants::Token& token : tenant.tokens)
            if (token.expires_s != 0 && token.expires_s <= unix_s)
                warnings.push_back("token " + token.id + " of tenant " + tenant.name + " has expired");
        if (tenant.ack_max && !offer.resolve(*tenant.ack_max))
            warnings.push_back("ack_max of tenant " + tenant.name + " is " + std::string(name_of(*tenant.ack_max)) +
                               ", which is not offered: journaled needs a journal, replicated needs replicas and no "
                               "journal");
    }
    return warnings;
}

tenants::SamplePolicy sample_policy(const config::Config& config) {
    tenants::SamplePolicy policy;
    policy.past_ns_max = config.timestamp_past_ns_max;
    policy.future_ns_max = config.timestamp_future_ns_max;
    return policy;
}

std::expected<AccessFiles, std::string> read_access_files(config::Config& config) {
    AccessFiles files;
    if (!config.admin.token_file.empty()) {
        const auto token = tenants::read_admin_token(config.admin.token_file);
        if (!token) return std::unexpected(token.error());
        files.admin_token = *token;
    }
    if (config.tenants.file.empty()) return files;
    files.tenants = std::make_unique<tenants::TenantStore>(config.tenants.file, sample_policy(config));
    auto table = files.tenants->read();
    if (!table) return std::unexpected(table.error());
    if (const auto fault = fault_of_tenants(config, **table))
        return std::unexpected(config.tenants.file + ": " + *fault);
    config.tenants.streams = (*table)->streams();
    files.tenants->accept(*std::move(table));
    return files;
}

}  // namespace sluice
