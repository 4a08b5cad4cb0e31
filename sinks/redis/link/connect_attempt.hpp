// ConnectAttempt: one attempt to connect to a server: its addresses one after the other, and what became of each.
//
// A value, without a socket. The thread of whoever connects.
#pragma once

#include <cstddef>
#include <expected>
#include <string>

#include "sinks/redis/link/address_book.hpp"
#include "sinks/redis/link/settings.hpp"

namespace sluice::sinks::redis {

class ConnectAttempt {
  public:
    // Begins anew, with the server that `settings` name or find, or their Unix socket. May block: see AddressBook and
    // RedisSettings::find_server, whose error it returns. Where the name has no address, next() is false at once.
    [[nodiscard]] std::expected<void, std::string> begin(const RedisSettings& settings, AddressBook& book);

    // Goes to the first address, or on to the next one. False: there is none.
    [[nodiscard]] bool next();
    // The one at hand. After next().
    [[nodiscard]] const std::string& address() const { return addresses_[next_index_ - 1]; }
    // How many addresses there are.
    [[nodiscard]] std::size_t size() const { return addresses_.size(); }
    // How many come after address().
    [[nodiscard]] std::size_t left_count() const { return addresses_.size() - next_index_; }
    // `reason`, a clause, is why address() came to nothing.
    void failed(const std::string& reason);

    // "host:port" or the socket's path; for a name with address(): "name:port (address)".
    [[nodiscard]] std::string peer() const;
    // "host:port" or the socket's path; empty where begin() has not found the server.
    [[nodiscard]] const std::string& name() const { return name_; }
    // The server that was asked for; of a Unix socket, none.
    [[nodiscard]] const ServerAddress& server() const { return server_; }
    // Whether the server was given by a name.
    [[nodiscard]] bool has_name() const {
        return !server_.host.empty() && !addresses_.empty() && server_.host != addresses_.front();
    }
    // address() has greeted, or is of no use now: for the next attempt. After next().
    void worked(AddressBook& book) const;
    void was_useless(AddressBook& book) const;
    // Why each address that was tried came to nothing: "Connection refused (127.0.0.1), no answer in time (::1)".
    // Without the address where there is one only, which was given as such.
    [[nodiscard]] const std::string& reasons() const { return reasons_; }
    // "cannot connect to host:port: " and the reasons.
    [[nodiscard]] std::string failure() const { return "cannot connect to " + name_ + ": " + reasons_; }

  private:
    ServerAddress server_;
    std::string name_;  // "host:port" or a path
    Addresses addresses_;
    std::size_t next_index_ = 0;
    std::size_t failed_count_ = 0;
    std::string reasons_;
};

}  // namespace sluice::sinks::redis
