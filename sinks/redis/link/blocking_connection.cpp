#include "sinks/redis/link/blocking_connection.hpp"

#include <sys/time.h>

#include <cerrno>
#include <cstdio>

#include "sinks/redis/resp/error_class.hpp"

namespace sluice::sinks::redis {
namespace {

timeval timeval_of(std::uint64_t ns) {
    return {.tv_sec = static_cast<time_t>(ns / 1'000'000'000),
            .tv_usec = static_cast<suseconds_t>(ns % 1'000'000'000 / 1000)};
}

BlockingConnection connect(redisOptions options, std::uint64_t timeout_ns) {
    const timeval timeout = timeval_of(timeout_ns);
    options.connect_timeout = &timeout;
    options.command_timeout = &timeout;
    return BlockingConnection(redisConnectWithOptions(&options));
}

BlockingConnection connect_preferring(const ServerAddress& server, int family_option, std::uint64_t timeout_ns) {
    redisOptions options{};
    options.options = family_option;
    REDIS_OPTIONS_SET_TCP(&options, server.host.c_str(), server.port);
    return connect(options, timeout_ns);
}

// Whether `host` is one address, of which there is no other family.
bool is_numeric(const std::string& host) {
    return host.find_first_not_of("0123456789.") == std::string::npos || host.contains(':');
}

}  // namespace

BlockingConnection connect_blocking(const ServerAddress& server, std::uint64_t timeout_ns) {
    BlockingConnection connection = connect_preferring(server, REDIS_OPT_PREFER_IPV4, timeout_ns);
    const bool has_failed = connection != nullptr && connection->err != 0;
    if (!has_failed || is_numeric(server.host)) return connection;
    return connect_preferring(server, REDIS_OPT_PREFER_IPV6, timeout_ns);
}

BlockingConnection connect_blocking_to_socket(const std::string& path, std::uint64_t timeout_ns) {
    redisOptions options{};
    REDIS_OPTIONS_SET_UNIX(&options, path.c_str());
    return connect(options, timeout_ns);
}

// hiredis reports a time-out of a read as EAGAIN, and one of connecting as ETIMEDOUT.
std::string why_failed(const BlockingConnection& connection, std::uint64_t timeout_ns) {
    const int error_number = errno;
    if (connection == nullptr) return "out of memory";
    const bool is_timeout = connection->err == REDIS_ERR_TIMEOUT ||
                            (connection->err == REDIS_ERR_IO && (error_number == EAGAIN || error_number == ETIMEDOUT));
    if (!is_timeout) return printable(connection->errstr);
    char clause[48];
    std::snprintf(clause, sizeof clause, "no answer within %g s", static_cast<double>(timeout_ns) / 1e9);
    return clause;
}

}  // namespace sluice::sinks::redis
