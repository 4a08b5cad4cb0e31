// Letters: the refused records of a tenant, as Redis has them. Main thread; blocks for Redis.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dead_letters/clients.hpp"

namespace sluice::dead_tool {

struct Entry {
    std::string id;
    std::map<std::string, std::string> fields;
    // Empty: it has none of this name.
    [[nodiscard]] std::string_view field(const std::string& name) const {
        const auto found = fields.find(name);
        return found == fields.end() ? std::string_view() : std::string_view(found->second);
    }
};

// What the configuration says of one tenant.
struct Tenant {
    std::string name;
    std::string stream;  // of its letters; other tenants may share it
    bool keeps_letters;
};

// Errors are sentences: Redis cannot be asked.
using Done = std::expected<void, std::string>;

// The ID of the last entry of `stream`; empty: there is none.
[[nodiscard]] std::expected<std::string, std::string> last_id(dead_letters::Clients& clients,
                                                              const std::string& stream);
// Some hundred entries from `begin` to `end`, as XRANGE takes them; none: there are no more.
[[nodiscard]] std::expected<std::vector<Entry>, std::string> entries_of(dead_letters::Clients& clients,
                                                                        const std::string& stream,
                                                                        const std::string& begin,
                                                                        const std::string& end);
// Calls take(entry) for the letters of `tenant` up to the entry `end`, the oldest first, until it returns false.
[[nodiscard]] Done for_each(dead_letters::Clients& clients, const Tenant& tenant, const std::string& end,
                            const std::function<bool(const Entry&)>& take);
[[nodiscard]] Done remove(dead_letters::Clients& clients, const std::string& stream, const std::string& id);

}  // namespace sluice::dead_tool
