#include "tests/support/scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "engine/core/check.hpp"
#include "tests/support/resp_text.hpp"

namespace sluice::tests {
namespace {

// False when the peer hung up or the test is over.
bool wait_readable(int fd, int stop_fd) {
    std::array<pollfd, 2> descriptors{pollfd{fd, POLLIN, 0}, pollfd{stop_fd, POLLIN, 0}};
    static_cast<void>(::poll(descriptors.data(), descriptors.size(), -1));
    return descriptors[1].revents == 0;
}

void send_in_pieces(int fd, const std::string& bytes, std::size_t piece_bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += piece_bytes) {
        const std::size_t count = std::min(piece_bytes, bytes.size() - at);
        if (::send(fd, bytes.data() + at, count, MSG_NOSIGNAL) < 0) return;
    }
}

}  // namespace

ScriptedServer::ScriptedServer(std::vector<Connection> scripts) : scripts_(std::move(scripts)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    CHECK(::listen(listener_, 8) == 0);
    CHECK(::pipe(stop_pipe_) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

ScriptedServer::~ScriptedServer() {
    stop();
    ::close(listener_);
    ::close(stop_pipe_[0]);
}

void ScriptedServer::stop() {
    if (!thread_.joinable()) return;
    ::close(stop_pipe_[1]);
    thread_.join();
}

sinks::RedisSettings ScriptedServer::settings() const {
    sinks::RedisSettings settings;
    settings.host = "127.0.0.1";
    settings.port = port_;
    settings.connect_timeout_ns = settings.reply_timeout_ns = 1'000'000'000;
    settings.backoff_min_ns = 2'000'000;
    settings.backoff_max_ns = 20'000'000;
    return settings;
}

void ScriptedServer::serve() {
    while (wait_readable(listener_, stop_pipe_[0])) {
        const int fd = ::accept(listener_, nullptr, nullptr);
        if (fd < 0) continue;
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const Connection& script = scripts_[std::min(commands_.size(), scripts_.size() - 1)];
        commands_.emplace_back();
        serve_connection(fd, script);
        ::close(fd);
    }
}

void ScriptedServer::serve_connection(int fd, const Connection& script) {
    std::string received;
    std::size_t seen_count = 0;
    std::array<char, 16384> chunk;
    while (wait_readable(fd, stop_pipe_[0])) {
        const ssize_t count = ::recv(fd, chunk.data(), chunk.size(), 0);
        if (count <= 0) return;
        received.append(chunk.data(), static_cast<std::size_t>(count));
        for (std::size_t length = 0; (length = whole_command_bytes(received)) > 0; received.erase(0, length)) {
            ++seen_count;
            if (seen_count == script.greeting_commands_count) send_in_pieces(fd, script.greeting, script.piece_bytes);
            if (seen_count <= script.greeting_commands_count) continue;
            commands_.back().push_back(words_of(received.substr(0, length)));
            const bool first = seen_count == script.greeting_commands_count + 1;
            if (first) send_in_pieces(fd, script.replies, script.piece_bytes);
            if (script.replies.empty()) send_in_pieces(fd, "$3\r\n1-1\r\n", script.piece_bytes);
        }
        if (script.hang_up && seen_count > script.greeting_commands_count) return;
    }
}

}  // namespace sluice::tests
