#include "engine/dead_tool/commands.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/addresses.hpp"
#include "engine/config/toml_file.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/counted.hpp"
#include "engine/core/standard_streams.hpp"
#include "engine/dead_letters/dead_letters.hpp"
#include "engine/dead_tool/replay.hpp"
#include "engine/delivery/dead_letter_clients.hpp"
#include "engine/delivery/sink_factory.hpp"
#include "engine/log/writer.hpp"
#include "engine/tenants/tenant_store.hpp"

namespace sluice::dead_tool {
namespace {

using config::ExitCode;
using dead_letters::Clients;
using Json = nlohmann::ordered_json;

// Bytes that are not UTF-8 become U+FFFD; the library throws by default.
void print_line(const Json& line) { std::puts(line.dump(-1, ' ', false, Json::error_handler_t::replace).c_str()); }

ExitCode complain(const std::string& what, ExitCode code = ExitCode::failed) {
    log::say("sluice: " + what);
    return code;
}

std::vector<Tenant> tenants_of(const config::Config& config, const tenants::TenantTable& table) {
    const auto& redis = config.sink.redis;
    const std::string& shared = redis.layout == RedisLayout::list ? redis.list_key : redis.stream;
    std::vector<Tenant> all;
    for (const tenants::Tenant& tenant : table.tenants())
        all.push_back({tenant.name,
                       (tenant.stream.empty() ? shared : tenant.stream) + std::string(dead_letters::stream_suffix),
                       tenant.has_dead_letters});
    return all;
}

// Calls take(entry) for the letters that are there now.
template <typename Take>
Done for_all(Clients& clients, const Tenant& tenant, Take take) {
    const auto end = last_id(clients, tenant.stream);
    if (!end) return std::unexpected(end.error());
    return for_each(clients, tenant, *end, [&](const Entry& entry) {
        take(entry);
        return true;
    });
}

ExitCode list(Clients& clients, const std::vector<Tenant>& tenants) {
    for (const Tenant& tenant : tenants) {
        std::map<std::string, std::uint64_t> reasons;
        std::uint64_t count = 0;
        const auto listed = for_all(clients, tenant, [&](const Entry& entry) {
            ++count;
            ++reasons[std::string(entry.field("reason"))];
        });
        if (!listed) return complain(listed.error());
        print_line({{"tenant", tenant.name},
                    {"stream", tenant.stream},
                    {"keeps_letters", tenant.keeps_letters},
                    {"letters", count},
                    {"reasons", reasons}});
    }
    return ExitCode::ok;
}

ExitCode show(Clients& clients, const std::vector<Tenant>& tenants) {
    for (const Tenant& tenant : tenants) {
        const auto shown = for_all(clients, tenant, [](const Entry& entry) {
            Json line{{"id", entry.id}};
            for (const auto& [name, value] : entry.fields) line[name] = value;
            print_line(line);
        });
        if (!shown) return complain(shown.error());
    }
    return ExitCode::ok;
}

// --- replay --------------------------------------------------------------------------------------------------------

// The first line of the file. An error is a sentence.
std::expected<std::string, std::string> read_token(const std::string& path) {
    if (path.empty()) return std::unexpected("replay needs --token-file: records are sent as the tenant");
    const auto text = config::read_toml_text(path);
    if (!text) return std::unexpected("--token-file " + path + " " + text.error().what);
    std::string line = text->substr(0, text->find('\n'));
    if (line.ends_with('\r')) line.pop_back();
    const bool is_token = std::ranges::all_of(line, [](char c) { return c > ' ' && c <= '~'; }) && !line.empty();
    return is_token ? std::expected<std::string, std::string>(std::move(line))
                    : std::unexpected("the first line of --token-file " + path + " is no token");
}

// Why the engine would take records with this token for another tenant's, or not at all: a sentence.
std::optional<std::string> fault_of_token(const std::string& token, const tenants::TenantTable& table,
                                          const std::string& tenant) {
    const auto found = table.find(tenants::Sha256()(token));
    const std::string begin = "the token of --token-file ";
    if (found.token == nullptr) return begin + "stands not in the file of tenants";
    if (const auto owner = table.name_of(found.tenant); owner != tenant)
        return begin + "is one of tenant " + std::string(owner) + ", not of " + tenant;
    const std::int64_t expires_s = found.token->expires_s;
    if (expires_s != 0 && unix_ns() / 1'000'000'000 >= expires_s) return begin + "has expired";
    if ((found.token->scopes_mask & tenants::scopes_for(tenants::Scope::write)) == 0)
        return begin + "has not the scope write";
    return std::nullopt;
}

std::expected<HttpTarget, std::string> target_of(const config::Config& config, const std::string& url) {
    if (!url.empty()) return parse_target(url);
    const auto tcp =
        std::ranges::find_if(config.listen, [](const auto& one) { return !one.is_unix() && one.port != 0; });
    if (tcp == config.listen.end()) return std::unexpected("no address of listen can be used; give --to");
    return HttpTarget{tcp->address, tcp->port};
}

// `stored` at least, or the most that the tenant may ask for.
AckLevel ack_of(const config::Config& config, const tenants::Tenant& tenant) {
    AckOffer offer = ack_offer(config);
    offer.preset = std::max(offer.preset, AckLevel::stored);
    offer = offer.capped(tenant.ack_max.value_or(offer.preset));
    return offer.resolve(offer.preset).value_or(AckLevel::queued);
}

ExitCode tell(const Replay::Figures& figures, const Done& done) {
    std::string text = "dead: " + counted(figures.taken_count, "record") + " taken, " +
                       std::to_string(figures.refused_count) + " refused again, " + std::to_string(figures.left_count) +
                       " left, which cannot be sent again";
    if (figures.left_count != 0) text += " (the first: " + figures.left_reason + ")";
    log::say(text);
    if (figures.kept_count != 0)
        log::say("dead: of " + std::to_string(figures.kept_count) +
                 " that were refused again no new letter was found, so the old one stays");
    if (!done) return complain(done.error() + "; all letters that were not taken stay");
    return figures.refused_count + figures.left_count == 0 ? ExitCode::ok : ExitCode::failed;
}

ExitCode replay(Clients& clients, const config::Config& config, const tenants::TenantTable& table, const Tenant& tenant,
                const config::DeadOptions& options) {
    auto target = target_of(config, options.to);
    if (!target) return complain(target.error(), ExitCode::bad_usage);
    auto token = read_token(options.token_file);
    if (!token) return complain(token.error(), ExitCode::bad_usage);
    if (const auto fault = fault_of_token(*token, table, tenant.name)) return complain(*fault, ExitCode::bad_usage);
    Replay replay(clients, tenant,
                  {.target = std::move(*target),
                   .token = std::move(*token),
                   .ack = ack_of(config, *table.find_name(tenant.name)),
                   .mapping = config.mapping});
    const Done done = replay.run();
    return tell(replay.figures(), done);
}

}  // namespace

ExitCode run(const config::Invocation& invocation, const config::Environment& environment) {
    const config::DeadOptions& options = invocation.dead;
    const auto config = config::load_config(invocation.overrides, environment);
    if (!config) return complain(config.error().sentence, ExitCode::bad_usage);
    if (!config->has_tenants()) return complain("there are no tenants: tenants.file is empty", ExitCode::bad_usage);
    const auto table = tenants::TenantStore(config->tenants.file, {}).read();
    if (!table) return complain(table.error(), ExitCode::bad_usage);
    std::vector<Tenant> chosen = tenants_of(*config, **table);
    if (!options.tenant.empty())
        std::erase_if(chosen, [&](const Tenant& tenant) { return tenant.name != options.tenant; });
    if (chosen.empty()) return complain("there is no tenant " + options.tenant, ExitCode::bad_usage);
    const auto clients = dead_letter_clients(*config);
    if (clients == nullptr) return complain("sink.url is no Redis, which keeps them", ExitCode::bad_usage);
    ExitCode code = ExitCode::ok;
    switch (options.action) {
        case config::DeadAction::ls: code = list(*clients, chosen); break;
        case config::DeadAction::show: code = show(*clients, chosen); break;
        case config::DeadAction::replay: code = replay(*clients, *config, **table, chosen.front(), options); break;
    }
    if (!is_stdout_written()) return complain(std::string(stdout_not_written));
    return code;
}

}  // namespace sluice::dead_tool
