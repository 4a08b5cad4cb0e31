#include "engine/dead_tool/letters.hpp"

#include "sinks/redis/resp/reply.hpp"

namespace sluice::dead_tool {
namespace {

using dead_letters::Clients;
using sinks::redis::Command;
using sinks::redis::is_error;
using sinks::redis::Reply;
using sinks::redis::text_of;

Entry entry_of(const redisReply& reply) {
    Entry entry;
    if (reply.elements != 2 || reply.element[1]->type != REDIS_REPLY_ARRAY) return entry;
    entry.id = text_of(*reply.element[0]);
    const redisReply& fields = *reply.element[1];
    for (std::size_t i = 0; i + 1 < fields.elements; i += 2)
        entry.fields[std::string(text_of(*fields.element[i]))] = text_of(*fields.element[i + 1]);
    return entry;
}

// A reply that is no error.
std::expected<Reply, std::string> ask(Clients& clients, const std::string& stream, const Command& command) {
    Reply reply = clients.ask(stream, command);
    if (reply == nullptr) return std::unexpected(clients.failure());
    if (is_error(*reply)) return std::unexpected(std::string(text_of(*reply)));
    return reply;
}

std::vector<Entry> entries_in(const redisReply& reply) {
    std::vector<Entry> entries;
    for (std::size_t i = 0; i < reply.elements; ++i) entries.push_back(entry_of(*reply.element[i]));
    return entries;
}

}  // namespace

std::expected<std::string, std::string> last_id(Clients& clients, const std::string& stream) {
    const auto reply = ask(clients, stream, {"XREVRANGE", stream, "+", "-", "COUNT", "1"});
    if (!reply) return std::unexpected(reply.error());
    const auto entries = entries_in(**reply);
    return entries.empty() ? std::string() : entries.front().id;
}

std::expected<std::vector<Entry>, std::string> entries_of(Clients& clients, const std::string& stream,
                                                          const std::string& begin, const std::string& end) {
    const auto reply = ask(clients, stream, {"XRANGE", stream, begin, end, "COUNT", "500"});
    if (!reply) return std::unexpected(reply.error());
    return entries_in(**reply);
}

Done for_each(Clients& clients, const Tenant& tenant, const std::string& end,
              const std::function<bool(const Entry&)>& take) {
    for (std::string begin = "-"; !end.empty();) {  // ends: each turn takes entries, or there are no more up to `end`
        const auto entries = entries_of(clients, tenant.stream, begin, end);
        if (!entries) return std::unexpected(entries.error());
        if (entries->empty()) return {};
        for (const Entry& entry : *entries)
            if (entry.field("tenant") == tenant.name && !take(entry)) return {};
        begin = "(" + entries->back().id;
    }
    return {};
}

Done remove(Clients& clients, const std::string& stream, const std::string& id) {
    const auto removed = ask(clients, stream, {"XDEL", stream, id});
    return removed ? Done() : std::unexpected(removed.error());
}

}  // namespace sluice::dead_tool
