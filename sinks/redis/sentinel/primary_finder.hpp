// PrimaryFinder: asks Redis Sentinels which server is the primary, and that server whether it thinks so too.
//
// Sentinels tell of a failover before the promoted replica may know, and an old primary that comes back does not know
// for a moment that it is none: so an answer counts only if ROLE says `master`, or may not be asked. The next question
// goes first to the sentinel that answered last.
//
// Blocks, over hiredis' synchronous calls, for `timeout_ns` a step at most (the addresses of a name share that of
// connecting): on the sink's thread, and only while it is not connected, or its server has been silent for long.
// (Rejected: a second state machine beside Session for two commands that are asked when nothing else goes on.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "sinks/redis/link/settings.hpp"

namespace sluice::sinks::redis {

struct SentinelSettings {
    std::vector<ServerAddress> sentinels;  // not empty
    std::string master;  // the name they watch it under
    std::string user;  // of the primary; also given to a sentinel that wants a password
    std::string password;
    std::uint64_t timeout_ns = 500'000'000;
    std::string password_file{};  // read for each question that needs it, instead of password; empty: none
    std::shared_ptr<AddressBook> addresses{};  // as in RedisSettings
    RedisTlsSettings tls{};  // of sentinels and primary
};

class PrimaryFinder {
  public:
    explicit PrimaryFinder(SentinelSettings settings);

    // The primary's address, or a sentence that says why none is known.
    [[nodiscard]] std::expected<ServerAddress, std::string> find();
    // Whether a sentinel names another server than `present`, and that server agrees. All are asked: one may be behind.
    [[nodiscard]] bool has_moved_from(const ServerAddress& present) const;

  private:
    [[nodiscard]] std::expected<ServerAddress, std::string> ask(const ServerAddress& sentinel) const;
    [[nodiscard]] std::expected<void, std::string> confirm(const ServerAddress& primary) const;

    SentinelSettings settings_;
    std::size_t first_ = 0;  // the sentinel that answered last
};

}  // namespace sluice::sinks::redis
