#include "sinks/redis/link/blocking_connection.hpp"

#include <hiredis/hiredis_ssl.h>
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

std::string no_answer_clause(std::uint64_t timeout_ns) {
    char clause[48];
    std::snprintf(clause, sizeof clause, "no answer within %g s", static_cast<double>(timeout_ns) / 1e9);
    return clause;
}

BlockingConnection connect(redisOptions options, const BlockingTimeouts& timeouts) {
    const timeval connect_timeout = timeval_of(timeouts.connect_ns);
    const timeval reply_timeout = timeval_of(timeouts.reply_ns);
    options.connect_timeout = &connect_timeout;
    options.command_timeout = &reply_timeout;
    return BlockingConnection(redisConnectWithOptions(&options));
}

}  // namespace

BlockingConnection connect_blocking(const std::string& address, std::uint16_t port, const BlockingTimeouts& timeouts) {
    redisOptions options{};
    REDIS_OPTIONS_SET_TCP(&options, address.c_str(), port);
    return connect(options, timeouts);
}

BlockingConnection connect_blocking_to_socket(const std::string& path, const BlockingTimeouts& timeouts) {
    redisOptions options{};
    REDIS_OPTIONS_SET_UNIX(&options, path.c_str());
    return connect(options, timeouts);
}

// The socket has a time-out for each call, which shows as EAGAIN.
std::string secure_blocking(BlockingConnection& connection, const TlsClient& client, const std::string& host,
                            std::uint64_t timeout_ns) {
    auto ssl = client.open(host);
    if (ssl == nullptr) return "out of memory";
    errno = 0;
    if (redisInitiateSSL(connection.get(), ssl.get()) == REDIS_OK) {
        static_cast<void>(ssl.release());  // the connection's now
        return {};
    }
    const int error_number = errno;
    if (error_number == EAGAIN) return no_answer_clause(timeout_ns) + std::string(no_tls_guess);
    return client.why_refused(*ssl, host, error_number);
}

// hiredis reports a time-out of a read as EAGAIN, and one of connecting as ETIMEDOUT.
std::string why_failed(const BlockingConnection& connection, std::uint64_t timeout_ns) {
    const int error_number = errno;
    if (connection == nullptr) return "out of memory";
    const bool is_timeout = connection->err == REDIS_ERR_TIMEOUT ||
                            (connection->err == REDIS_ERR_IO && (error_number == EAGAIN || error_number == ETIMEDOUT));
    if (!is_timeout) return printable(connection->errstr);
    return no_answer_clause(timeout_ns);
}

}  // namespace sluice::sinks::redis
