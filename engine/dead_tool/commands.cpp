#include "engine/dead_tool/commands.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/addresses.hpp"
#include "engine/core/counted.hpp"
#include "engine/core/standard_streams.hpp"
#include "engine/dead_letters/dead_letters.hpp"
#include "engine/dead_tool/http_post.hpp"
#include "engine/delivery/dead_letter_clients.hpp"
#include "engine/log/writer.hpp"
#include "engine/tenants/tenant_store.hpp"
#include "sinks/redis/resp/reply.hpp"

namespace sluice::dead_tool {
namespace {

using config::ExitCode;
using dead_letters::Clients;
using sinks::redis::is_error;
using sinks::redis::text_of;
using Json = nlohmann::ordered_json;

// Bytes that are not UTF-8 become U+FFFD; the library throws by default.
void print_line(const Json& line) { std::puts(line.dump(-1, ' ', false, Json::error_handler_t::replace).c_str()); }

ExitCode complain(const std::string& what, ExitCode code = ExitCode::failed) {
    log::say("sluice: " + what);
    return code;
}

struct Entry {
    std::string id;
    std::map<std::string, std::string> fields;
    [[nodiscard]] std::string field(const std::string& name) const {
        const auto found = fields.find(name);
        return found == fields.end() ? std::string() : found->second;
    }
};

// What the configuration says of one tenant.
struct Tenant {
    std::string name;
    std::string stream;  // of its letters
    bool keeps_letters;
};

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

Entry entry_of(const redisReply& reply) {
    Entry entry;
    if (reply.elements != 2 || reply.element[1]->type != REDIS_REPLY_ARRAY) return entry;
    entry.id = text_of(*reply.element[0]);
    const redisReply& fields = *reply.element[1];
    for (std::size_t i = 0; i + 1 < fields.elements; i += 2)
        entry.fields[std::string(text_of(*fields.element[i]))] = text_of(*fields.element[i + 1]);
    return entry;
}

// Calls take(entry) for the letters of `tenant` that are there now, the oldest first, until it returns false. A
// sentence if Redis cannot be asked.
template <typename Take>
std::expected<void, std::string> for_each(Clients& clients, const Tenant& tenant, Take take) {
    const auto last = clients.ask(tenant.stream, {"XREVRANGE", tenant.stream, "+", "-", "COUNT", "1"});
    if (last == nullptr) return std::unexpected(clients.failure());
    if (is_error(*last)) return std::unexpected(std::string(text_of(*last)));
    if (last->elements == 0) return {};
    const std::string end = entry_of(*last->element[0]).id;
    for (std::string begin = "-";;) {  // ends: each turn takes entries, or there are no more up to `end`
        const auto reply = clients.ask(tenant.stream, {"XRANGE", tenant.stream, begin, end, "COUNT", "500"});
        if (reply == nullptr) return std::unexpected(clients.failure());
        if (is_error(*reply)) return std::unexpected(std::string(text_of(*reply)));
        if (reply->elements == 0) return {};
        for (std::size_t i = 0; i < reply->elements; ++i) {
            const Entry entry = entry_of(*reply->element[i]);
            begin = "(" + entry.id;
            if (entry.field("tenant") == tenant.name && !take(entry)) return {};
        }
    }
}

ExitCode list(Clients& clients, const std::vector<Tenant>& tenants) {
    for (const Tenant& tenant : tenants) {
        std::map<std::string, std::uint64_t> reasons;
        std::uint64_t count = 0;
        const auto listed = for_each(clients, tenant, [&](const Entry& entry) {
            ++count;
            ++reasons[entry.field("reason")];
            return true;
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
        const auto shown = for_each(clients, tenant, [](const Entry& entry) {
            Json line{{"id", entry.id}};
            for (const auto& [name, value] : entry.fields) line[name] = value;
            print_line(line);
            return true;
        });
        if (!shown) return complain(shown.error());
    }
    return ExitCode::ok;
}

// Nothing: it cannot be sent again, because it was cut, or its bytes were not kept.
std::optional<HttpPost> post_of(const Entry& entry, const std::string& token) {
    const std::string format = entry.field("format"), precision = entry.field("precision");
    if (entry.fields.contains("cut") || entry.field("raw").empty()) return std::nullopt;
    HttpPost post{.path = {}, .headers = {}, .body = entry.field("raw")};
    if (!token.empty()) post.headers.emplace_back("Authorization", "Bearer " + token);
    if (format == "json") {
        post.path = "/telemetry";
        post.headers.emplace_back("Content-Type", "application/x-ndjson");
        std::ranges::replace(post.body, '\n', ' ');  // between its tokens: inside a string it is escaped
    } else if (format == "influx") {
        post.path = "/api/v2/write";
    } else if (format == "collectd") {
        post.path = "/collectd";
        post.body = "[" + post.body + "]";
    } else {
        return std::nullopt;
    }
    if (!precision.empty()) post.path += "?precision=" + precision;
    return post;
}

struct ReplayFigures {
    std::uint64_t taken = 0, refused = 0, left = 0;  // left: cannot be sent again
};

// What is taken is deleted, and what is refused again, where the engine keeps it again.
class Replay {
  public:
    Replay(Clients& clients, Tenant tenant, HttpTarget target, std::string token)
        : clients_(clients), tenant_(std::move(tenant)), target_(std::move(target)), token_(std::move(token)) {}

    ExitCode run() {
        const auto sent = for_each(clients_, tenant_, [this](const Entry& entry) { return send(entry); });
        log::say("dead: " + counted(figures_.taken, "record") + " taken, " + std::to_string(figures_.refused) +
                 " refused again, " + std::to_string(figures_.left) + " left, which cannot be sent again");
        if (!sent) return complain(sent.error());
        if (!fault_.empty()) return complain(fault_);
        return figures_.refused + figures_.left == 0 ? ExitCode::ok : ExitCode::failed;
    }

  private:
    // False: it makes no sense to go on.
    bool send(const Entry& entry) {
        const auto post = post_of(entry, token_);
        if (!post) {
            ++figures_.left;
            return true;
        }
        const auto status = send_post(target_, *post);
        if (!status) return fail(status.error());
        const bool is_taken = *status >= 200 && *status < 300 && *status != 207;
        if (!is_taken && *status != 400) return fail("the engine answers " + std::to_string(*status));
        ++(is_taken ? figures_.taken : figures_.refused);
        if (!is_taken && !is_kept_anew(entry)) return true;
        const auto removed = clients_.ask(tenant_.stream, {"XDEL", tenant_.stream, entry.id});
        if (removed == nullptr) return fail(clients_.failure());
        return !is_error(*removed) || fail(std::string(text_of(*removed)));
    }

    // By the engine, when it refuses it again. A value list of collectd may break the body, which is refused as a
    // whole.
    [[nodiscard]] bool is_kept_anew(const Entry& entry) const {
        return tenant_.keeps_letters && entry.field("format") != "collectd";
    }

    bool fail(const std::string& what) {
        fault_ = what;
        return false;
    }

    Clients& clients_;
    const Tenant tenant_;
    const HttpTarget target_;
    const std::string token_;
    ReplayFigures figures_;
    std::string fault_;
};

// The first line of the file; a sentence if there is none.
std::expected<std::string, std::string> read_token(const std::string& path) {
    if (path.empty()) return std::string();
    std::ifstream file(path);
    std::string line;
    if (!file || !std::getline(file, line) || line.empty())
        return std::unexpected("--token-file " + path + " cannot be read, or its first line is empty");
    return line;
}

std::expected<HttpTarget, std::string> target_of(const config::Config& config, const std::string& url) {
    if (!url.empty()) return parse_target(url);
    const auto tcp =
        std::ranges::find_if(config.listen, [](const auto& one) { return !one.is_unix() && one.port != 0; });
    if (tcp == config.listen.end()) return std::unexpected("no address of listen can be used; give --to");
    return HttpTarget{tcp->address, tcp->port};
}

ExitCode replay(Clients& clients, const config::Config& config, const Tenant& tenant,
                const config::DeadOptions& options) {
    auto target = target_of(config, options.to);
    if (!target) return complain(target.error(), ExitCode::bad_usage);
    auto token = read_token(options.token_file);
    if (!token) return complain(token.error(), ExitCode::bad_usage);
    return Replay(clients, tenant, std::move(*target), std::move(*token)).run();
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
        case config::DeadAction::replay: code = replay(*clients, *config, chosen.front(), options); break;
    }
    if (!is_stdout_written()) return complain(std::string(stdout_not_written));
    return code;
}

}  // namespace sluice::dead_tool
