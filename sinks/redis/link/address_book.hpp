// AddressBook: the addresses of a server's name, in the order in which they are to be tried.
//
// A name may lead to several addresses (both families, several servers), and the server may listen on some of them
// only. Each is tried (RFC 1123, section 2.3): first the one that worked last; then those of which nothing is known, in
// the order of the system (RFC 6724); last those that took a connection and were of no use (a replica, a server that
// refuses), the oldest first.
//
// The thread of whoever connects. find() blocks for a name (getaddrinfo), not for an address.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sinks/redis/link/settings.hpp"

namespace sluice::sinks::redis {

using Addresses = std::vector<std::string>;  // numeric, without brackets and port; at least one
// The addresses of a host name, or why there are none.
using Resolve = std::function<std::expected<Addresses, std::string>(const std::string& host)>;

// Asks the system (getaddrinfo). An address is its own and only one.
[[nodiscard]] std::expected<Addresses, std::string> resolve_by_system(const std::string& host);

class AddressBook {
  public:
    // Tests resolve by a list of their own.
    explicit AddressBook(Resolve resolve = resolve_by_system) : resolve_(std::move(resolve)) {}

    // Resolves anew. The error is a clause, such as "Name or service not known".
    [[nodiscard]] std::expected<Addresses, std::string> find(const ServerAddress& server);
    // `address` of `server` has greeted. What is known of the others stays: it may be of no use all the same.
    void worked(const ServerAddress& server, const std::string& address);
    // `address` of `server` took a connection, but cannot be used now.
    void was_useless(const ServerAddress& server, const std::string& address);

  private:
    struct Memory {
        std::string last_good;
        Addresses useless;  // the oldest first
    };
    // More names than a configuration holds, so that what a cluster or a sentinel names fills no memory.
    static constexpr std::size_t names_count_max = 256;

    // Null for an address: there is no choice.
    [[nodiscard]] Memory* memory_of(const ServerAddress& server, const std::string& address);

    const Resolve resolve_;
    std::map<std::string, Memory> memories_;  // of "host:port"
};

}  // namespace sluice::sinks::redis
